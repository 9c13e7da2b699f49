"""Every dimension, coordinate, attribute and column name of the data model, once."""

# dimensions of a line
TRACE = "trace"
CHANNEL = "channel"
TWT = "twt"
DEPTH = "depth"

# the data variable
AMPLITUDE = "amplitude"

# coordinates of a line
DISTANCE = "distance"
FROM_TRACK = "GNSS track"  # the attribute `source` of distances that no odometer measured
CHAINAGE = "chainage"
X = "x"
Y = "y"
Z = "z"
LONGITUDE = "longitude"
LATITUDE = "latitude"
TIME = "time"
FIX_QUALITY = "fix_quality"
POSITION_SIGMA = "position_sigma"
FIX_SIGMA = "fix_sigma"  # as the receiver states it; position_sigma is that of the track made of the fixes
Z_SIGMA = "z_sigma"
WALL_U = "wall_u"  # along the face of a wall, m to the right for who looks at it
WALL_W = "wall_w"  # up the face, m
HEADING = "heading"  # direction of travel, degrees clockwise from grid north
ROAD_CHAINAGE = "road_chainage"  # along the centreline of a road
ROAD_OFFSET = "road_offset"  # across it, positive to the right of increasing chainage
MARK = "mark"
STATUS = "status"  # over twt: 1 where the recorder stores a status word instead of a radar sample
GNSS_HEIGHT = "gnss_height"  # as recorded by the receiver; not z, whose datum must be known
CLOCK_ANGLE = "clock_angle"  # degrees from the crown, clockwise looking with increasing chainage
OFFSET = "offset"  # channel offset across the line, m, positive to the right
FREQUENCY = "frequency"
SEPARATION = "separation"
SPATIAL_REF = "spatial_ref"

# attributes of a line
TIME_ZERO = "time_zero"
ANTENNA_HEIGHT = "antenna_height"
ODOMETER_SCALE = "odometer_scale"  # metres on the map per metre of the odometer, as the fixes say
ROAD = "road"  # name of the road whose centreline chainages refer to
LEVER_ARM = "lever_arm"  # m, array minus GNSS antenna: to the right, forward
PIPE = "pipe"  # JSON: the pipe that the line was measured in; see model/pipe.py
WALL = "wall"  # JSON: the wall on whose face the line lies
SETTING = "setting"  # "road", or "not a road: ..."; as the survey file says, else from how it was acquired
ACQUIRED = "acquired"  # when recorded, by the recorder's own clock (local time), ISO 8601
INSTRUMENT = "instrument"
SOURCE_FILE = "source_file"
SOURCE_SHA256 = "source_sha256"
SOURCE_FORMAT = "source_format"
FINDINGS = "findings"
PROVENANCE = "gprscan_provenance"
HISTORY = "history"
VENDOR_HEADER = "vendor_header"  # JSON: the header fields of the file as they are, for writers and for curious users
SCHEMA = "gprscan_schema"
SCHEMA_VERSION = "1"

# CF units strings: "ns" exactly, since xarray decodes "nanoseconds" to timedelta64
UNITS = {
    TWT: "ns",
    DEPTH: "m",
    DISTANCE: "m",
    CHAINAGE: "m",
    X: "m",
    Y: "m",
    Z: "m",
    LONGITUDE: "degrees_east",
    LATITUDE: "degrees_north",
    POSITION_SIGMA: "m",
    FIX_SIGMA: "m",
    Z_SIGMA: "m",
    HEADING: "degree",
    ROAD_CHAINAGE: "m",
    ROAD_OFFSET: "m",
    GNSS_HEIGHT: "m",
    OFFSET: "m",
    FREQUENCY: "MHz",
    SEPARATION: "m",
}

# kinds of a body, with the Chinese names used in deliverables
KINDS = {
    "cavity": "空洞",
    "debond": "脱空",
    "loose": "疏松体",
    "water_rich": "富水体",
    "pipe": "管线",
    "rebar": "钢筋",
    "nail_head": "锚头",
    "manhole": "检查井",
    "wall_thinning": "管壁减薄",
    "low_cover": "保护层不足",
    "joint": "接口异常",
    "unknown": "未知",
    "interface": "层位",
    "clutter": "杂波",
}
HAZARD_KINDS = ("cavity", "debond", "loose", "water_rich")
PIPE_DEFECT_KINDS = ("wall_thinning", "low_cover", "joint")  # of the wall of a pipe itself
HIDDEN_KINDS = ("interface", "clutter")  # kept out of the anomaly table unless asked for

# columns of the anomaly table, in the order in which they are written
DETECTION_COLUMNS = (
    "kind",
    "distance_m",
    "offset_m",
    "twt_ns",
    "top_depth_m",
    "velocity_m_ns",
    "length_m",
    "width_m",
    "confidence",
    "probabilities",
    "sigma_distance_m",
    "sigma_depth_m",
    "sigma_velocity_m_ns",
    "polarity",
    "evidence",
    "channels",
    "group_id",
)

# columns that grading adds; the rank is an integer, higher is worse, and the label is never a bare Roman numeral
RISK_COLUMNS = (
    "risk_scheme",
    "risk_scheme_version",
    "risk_label",
    "risk_rank",
    "risk_rule",
    "risk_inputs",
    "risk_missing",
    "risk_rank_low",
    "risk_rank_high",
    "risk_action",
    "risk_note",
    "risk_rule_gap",
)

# columns that the review of an engineer adds, beside the automatic ones and never in their place
REVIEW_COLUMNS = ("review_status", "review_kind", "review_comment", "reviewer", "reviewed_at")
