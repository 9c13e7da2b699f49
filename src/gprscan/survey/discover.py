"""What a survey consists of: which files are lines, which belong to a line, and which are neither."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gprscan.errors import MissingFileError, ReadError, RecipeError
from gprscan.io import channel_set, projects
from gprscan.survey.config import FILE_NAME, GridEntry, LineEntry, LineOptions, SurveyFile, load_survey
from gprscan.survey.runner import LineJob

# of two recordings of the same traces with one stem, the one with more bits rules: MALA GX writes both
_BETTER_TWIN = {".rd3": ".rd7"}


@dataclass(frozen=True)
class Plan:
    """What a scan has to do.

    Attributes
    ----------
    name : str
        Name of the survey, for the report.
    root : Path
        Folder that the paths of the outputs are relative to.
    jobs : list of LineJob
        The lines, in order.
    ignored : list of (str, str)
        Files that are no lines, each with the reason.
    crs, recipe, scheme : str or None
        What the survey file says.
    context : dict
        Survey-wide inputs of grading.
    """

    name: str
    root: Path
    jobs: list[LineJob]
    ignored: list[tuple[str, str]] = field(default_factory=list)
    crs: str | None = None
    recipe: str | None = None
    scheme: str | None = None
    context: dict[str, Any] = field(default_factory=dict)


def plan_survey(survey: str | Path, out: str | Path | None = None) -> Plan:
    """Find the lines of a survey.

    Parameters
    ----------
    survey : path-like
        A radar file, a folder (searched to any depth; a ``survey.toml`` in it rules), or a survey file.
    out : path-like, optional
        Output folder, never searched for lines.

    Raises
    ------
    ReadError
        If there is no such file or folder.
    RecipeError
        If the survey file is wrong.
    """
    path = Path(survey)
    if path.is_dir():
        if (path / FILE_NAME).is_file():
            return _from_file(path / FILE_NAME, out)
        lines, ignored = _lines_under(path, out)
        return Plan(path.resolve().name, path, _jobs(path, ((line, None) for line in lines), LineOptions()), ignored)
    if path.suffix.lower() == ".toml":
        return _from_file(path, out)
    if not path.exists():
        msg = f"there is no file or folder {path}. A survey is a radar file, a folder of them, or a survey.toml."
        raise ReadError(msg)
    lines = projects.lines_in(path) if projects.is_project(path) else [path]
    return Plan(path.stem, path.parent, _jobs(path.parent, ((line, None) for line in lines), LineOptions()))


def _from_file(path: Path, out: str | Path | None) -> Plan:
    survey = load_survey(path)
    root = path.parent
    ignored: list[tuple[str, str]] = []
    pairs: list[tuple[Path, LineEntry | None]]
    entries = [*survey.lines, *(entry for grid in survey.grids for entry in _grid_lines(root, grid, path.name))]
    entries += [entry for wall in survey.walls for entry in _wall_lines(root, wall)]
    if entries:
        pairs = [(line, entry) for entry in entries for line in _matches(root, entry, path.name)]
        _refuse_repeats(pairs, path.name)
    else:
        lines, ignored = _lines_under(root, out)
        ignored = [(name, why) for name, why in ignored if name != path.name]
        pairs = [(line, None) for line in lines]
    return Plan(
        survey.name or root.resolve().name,
        root,
        _jobs(root, pairs, _with_crs(survey)),
        ignored,
        survey.crs,
        _beside(root, survey.recipe),
        _beside(root, survey.scheme),
        survey.context,
    )


def _with_crs(survey: SurveyFile) -> LineOptions:
    """Return the defaults of the lines: coordinates come in the CRS of the survey unless a line says otherwise."""
    return survey.defaults if survey.crs is None else survey.defaults.over(LineOptions(crs=survey.crs))


def _wall_lines(root: Path, wall: str) -> list[LineEntry]:
    """Return an entry for each line on a wall; their paths are beside the wall's file.

    A file that is wrong costs the lines on that wall, and nothing else of the survey: opening them says what is wrong with it.
    Where not even its lines can be read from it, it stands for them.
    """
    from gprscan.geometry import load_wall_file
    from gprscan.geometry.wall_file import line_paths

    folder = (root / wall).parent
    try:
        paths = [line.path for line in load_wall_file(root / wall).lines]
    except (MissingFileError, RecipeError):
        paths = line_paths(root / wall) or [(root / wall).name]
    return [LineEntry(path=_relative(folder / path, root), wall=Path(wall)) for path in paths]


def _grid_lines(root: Path, grid: GridEntry, survey_file: str) -> list[LineEntry]:
    """Return an entry for each line of a grid, placed."""
    files = [line for pattern in grid.lines for line in _matches(root, LineEntry(path=pattern), survey_file)]
    return [
        LineEntry(path=_relative(file, root), **grid.place(number).model_dump(exclude_unset=True))
        for number, file in enumerate(files)
    ]


def _beside(root: Path, name: str | None) -> str | None:
    """Return a recipe or scheme as its path where it is a file beside the survey file, else its name."""
    return str(root / name) if name and (root / name).is_file() else name


def _matches(root: Path, entry: LineEntry, survey_file: str) -> list[Path]:
    if not any(mark in entry.path for mark in "*?["):
        named = root / entry.path
        if projects.is_project(named):
            return projects.lines_in(named)
        return [named]  # one that is not there is listed as failed, not a reason to stop
    found = [path for path in sorted(root.glob(entry.path)) if path.is_file()]
    formats = _Formats()
    lines = [path for path in found if formats.is_data(path)]
    if not lines:
        msg = f"{survey_file}: no radar file matches path = {entry.path!r}."
        raise RecipeError(msg)
    if entry.id is not None and len(channel_set.group(lines)) > 1:
        msg = (
            f"{survey_file}: id = {entry.id!r} is given for {len(lines)} files that match {entry.path!r}; leave it out."
        )
        raise RecipeError(msg)
    return lines


def _refuse_repeats(pairs: list[tuple[Path, LineEntry | None]], survey_file: str) -> None:
    seen: set[Path] = set()
    for path, _ in pairs:
        if path in seen:
            msg = f"{survey_file}: {path.name} is named by two [[lines]]; a file is one line."
            raise RecipeError(msg)
        seen.add(path)


class _Formats:
    """The extensions that readers know."""

    def __init__(self) -> None:
        from gprscan.io import registry

        formats = registry.list_formats()
        self._registry = registry
        self.data = {suffix for entry in formats if not entry.shared_suffixes for suffix in entry.suffixes}
        self.shared = {suffix for entry in formats if entry.shared_suffixes for suffix in entry.suffixes}
        self.side = {suffix for entry in formats for suffix in entry.side_suffixes} - self.data

    def is_data(self, path: Path) -> bool:
        suffix = path.suffix.lower()
        if path.is_dir():
            return False
        if suffix in self.side:
            return suffix in self.shared and self._claimed(path)  # .rad: a header of MALA, or the data of US Radar
        return suffix in self.data or self._looks_like_data(path)

    def _claimed(self, path: Path) -> bool:
        """Whether the content of a file is that of a format whose data files have its extension."""
        from gprscan.errors import ReadError
        from gprscan.io.source import Source

        try:
            entry = self._registry.identify(Source(path))
        except ReadError:
            return False
        return path.suffix.lower() in entry.suffixes

    def _looks_like_data(self, path: Path) -> bool:
        """Whether the content of a file with an extension that says nothing is that of a radar file."""
        from gprscan.io.source import Source

        try:
            return path.stat().st_size > 0 and self._registry.is_readable(Source(path))
        except OSError:
            return False


def _lines_under(folder: Path, out: str | Path | None) -> tuple[list[Path], list[tuple[str, str]]]:
    formats = _Formats()
    files = list(_files(folder, None if out is None else Path(out).resolve(), set()))
    packed, ignored = _lines_packed(files, folder)
    files = [path for path in files if path.suffix.lower() != projects.SUFFIX]
    found = [path for path in files if formats.is_data(path)]
    present = {_folded(path) for path in found}
    lines: list[Path] = packed
    for path in found:
        better = _BETTER_TWIN.get(path.suffix.lower())
        if better and _folded(path.with_suffix(better)) in present:
            ignored.append((_relative(path, folder), f"the same traces are in {path.stem}{better} with more bits"))
        else:
            lines.append(path)
    stems = {_folded(path.with_suffix("")) for path in lines}
    stems |= {_folded(path.with_suffix(".pipe")) for path in lines}  # RUN.pipe.toml describes the pipe of RUN
    data = set(found)
    for path in files:
        if path in data or path.name == FILE_NAME or _folded(path.with_suffix("")) in stems:
            continue
        orphan = path.suffix.lower() in formats.side
        reason = "a side file whose data file is not there" if orphan else "no reader recognises it"
        if path.is_dir():
            reason = "a Zarr folder; a survey takes files: gprscan convert it to .nc"
        ignored.append((_relative(path, folder), reason))
    return lines, ignored


def _lines_packed(files: list[Path], folder: Path) -> tuple[list[Path], list[tuple[str, str]]]:
    """Return the lines in projects among some files, and the projects that cannot be opened, with the reason."""
    lines: list[Path] = []
    refused: list[tuple[str, str]] = []
    for path in files:
        if path.suffix.lower() == projects.SUFFIX:
            try:
                lines += projects.lines_in(path)
            except ReadError as error:
                refused.append((_relative(path, folder), str(error)))
    return lines, refused


def _folded(path: Path) -> Path:
    """Return a path whose name compares without regard to case, as recorders on Windows write it."""
    return path.with_name(path.name.casefold())


def _files(folder: Path, out: Path | None, visited: set[Path]) -> Iterator[Path]:
    visited.add(folder.resolve())  # links may lead back up
    for path in sorted(folder.iterdir(), key=lambda p: (p.name.casefold(), p.name)):
        if path.name.startswith(".") or (out is not None and path.resolve() == out):
            continue
        if path.is_dir() and (path / ".zgroup").is_file():
            yield path  # its chunks are no files of a survey
        elif path.is_dir():
            if path.resolve() not in visited:
                yield from _files(path, out, visited)
        elif path.is_file():
            yield path


def _relative(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:  # an entry of a survey file may point outside its folder
        return path.as_posix()


def _jobs(root: Path, pairs: Iterable[tuple[Path, LineEntry | None]], defaults: LineOptions) -> list[LineJob]:
    entries = dict(pairs)
    lines = channel_set.group(list(entries))
    given = {safe_name(entry.id).casefold() for entry in entries.values() if entry is not None and entry.id is not None}
    names = [safe_name(_relative(_common(members), root)) for members in lines]
    lowered = [name.casefold() for name in names]
    jobs: list[LineJob] = []
    taken: set[str] = set()
    for members, name in zip(lines, names, strict=True):
        path, entry = members[0], entries[members[0]]
        if entry is not None and entry.id is not None:
            line_id = safe_name(entry.id)
        elif lowered.count(name.casefold()) > 1 or name.casefold() in given:
            line_id = safe_name(_relative(path, root))  # two lines differ in their extensions only
        else:
            line_id = name
        line_id = _free(line_id, taken)
        taken.add(line_id.casefold())
        options = defaults if entry is None else _options(entry).over(defaults)
        if options.positions is not None:
            options = options.model_copy(update={"positions": options.positions.beside(root)})
        if options.wall is not None:
            options = options.model_copy(update={"wall": root / options.wall})
        files = [projects.unpacked(member) for member in members]
        jobs.append(LineJob(line_id, files[0], _relative(path, root), options, tuple(files[1:])))
    return jobs


def _common(members: list[Path]) -> Path:
    """Return the path of a line without its extension, and without the number of a channel."""
    base = channel_set.base_name(members[0]) if len(members) > 1 else None
    return members[0].with_suffix("") if base is None else members[0].with_name(base)


def _free(line_id: str, taken: set[str]) -> str:
    number, free = 2, line_id
    while free.casefold() in taken:
        number, free = number + 1, f"{line_id}_{number}"
    return free


def _options(entry: LineEntry) -> LineOptions:
    return LineOptions(**entry.model_dump(exclude_unset=True, exclude={"path", "id"}))


def safe_name(name: str) -> str:
    """Return a name that any file system takes; folders become part of it."""
    return re.sub(r"[^\w.+-]+", "_", name.replace("/", "__"), flags=re.UNICODE).strip("._") or "line"
