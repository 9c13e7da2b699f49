(function () {
  "use strict";

  // tables: a click on a heading sorts, a second one reverses
  document.querySelectorAll("table.sortable").forEach(function (table) {
    var body = table.tBodies[0];
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
      head.tabIndex = 0;
      function sort() {
        var up = head.getAttribute("aria-sort") !== "ascending";
        Array.prototype.forEach.call(table.tHead.rows[0].cells, function (cell) { cell.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        var rows = Array.prototype.slice.call(body.rows);
        function key(row) {
          var cell = row.cells[column];
          return cell.dataset.sort !== undefined ? cell.dataset.sort : cell.textContent.trim();
        }
        rows.sort(function (a, b) {
          var p = key(a), q = key(b), m = parseFloat(p), n = parseFloat(q);
          if (isNaN(m) !== isNaN(n)) { return isNaN(m) ? 1 : -1; }
          var order = isNaN(m) ? p.localeCompare(q) : m - n;
          return up ? order : -order;
        });
        rows.forEach(function (row) { body.appendChild(row); });
      }
      head.addEventListener("click", sort);
      head.addEventListener("keydown", function (event) { if (event.key === "Enter") { sort(); } });
    });
  });

  var box = document.getElementById("leaflet");
  if (!box || !window.L) { return; }
  var data = JSON.parse(document.getElementById("map-data").textContent);
  var map = L.map(box, { attributionControl: false, zoomSnap: 0.25, maxZoom: 25, preferCanvas: data.bodies.length > 800 });
  // circles in metres have no bounds before the map has a view, so they are a group of their own
  var all = L.featureGroup(), rings = L.layerGroup();
  L.geoJSON(data.coverage, { style: { color: "#a9bac9", weight: 1, fillColor: "#d5dfe8", fillOpacity: 0.7 } }).addTo(all);
  L.geoJSON(data.tracks, {
    style: { color: "#3f6485", weight: 2 },
    onEachFeature: function (feature, layer) {
      var name = document.createElement("span");
      name.textContent = feature.properties.line;
      layer.bindTooltip(name, { sticky: true });
    }
  }).addTo(all);
  data.bodies.forEach(function (body) {
    if (body.shape) {
      L.geoJSON(body.shape, { style: { color: body.colour, weight: 1.5, fillOpacity: 0.25 } }).addTo(all);
    }
    if (body.sigma) {
      L.circle(body.at, { radius: 2 * body.sigma, color: body.colour, weight: 1, fill: false, interactive: false }).addTo(rings);
    }
    var dot = L.circleMarker(body.at, { radius: 6, color: "#fff", weight: 1.5, fillColor: body.colour, fillOpacity: 1 });
    var card = document.createElement("div");
    var link = document.createElement("a");
    link.href = "#" + body.anchor;
    link.textContent = body.number + ". " + body.id;
    card.appendChild(link);
    body.lines.forEach(function (line) {
      var row = document.createElement("div");
      row.textContent = line;
      card.appendChild(row);
    });
    dot.bindPopup(card);
    if (body.label) {
      dot.bindTooltip(String(body.number), { permanent: true, direction: "right", offset: [3, -9], className: "no" });
    }
    dot.addTo(all);
  });
  map.fitBounds(all.getBounds().pad(0.12), { animate: false, maxZoom: 22 });
  all.addTo(map);
  rings.addTo(map);
  L.control.scale({ imperial: false, maxWidth: 160 }).addTo(map);

  var north = L.control({ position: "topright" });
  north.onAdd = function () {
    var plate = L.DomUtil.create("div", "plate north");
    plate.textContent = "N ↑";
    return plate;
  };
  north.addTo(map);
  var readout = L.control({ position: "bottomright" });
  readout.onAdd = function () { return (this.plate = L.DomUtil.create("div", "plate")); };
  readout.addTo(map);
  map.on("mousemove", function (event) {
    readout.plate.textContent = event.latlng.lng.toFixed(6) + "° E, " + event.latlng.lat.toFixed(6) + "° N";
  });

  // graticule: meridians and parallels at a round step, with their values at the edges
  var graticule = L.layerGroup().addTo(map);
  function degrees(value, step) { return value.toFixed(Math.max(0, Math.ceil(-Math.log10(step) - 1e-9))) + "°"; }
  function label(at, text, anchor) {
    var plate = document.createElement("span");
    plate.className = "plate";
    plate.textContent = text;
    L.marker(at, { interactive: false, keyboard: false, icon: L.divIcon({ html: plate, className: "", iconSize: [90, 14], iconAnchor: anchor }) }).addTo(graticule);
  }
  function draw() {
    graticule.clearLayers();
    var bounds = map.getBounds(), wide = bounds.getEast() - bounds.getWest();
    var power = Math.pow(10, Math.floor(Math.log10(wide / 5))), ratio = wide / 5 / power;
    var step = power * (ratio >= 5 ? 5 : ratio >= 2 ? 2 : 1);
    var style = { color: "#c9d2da", weight: 0.7, interactive: false };
    var k, x, y;
    for (k = Math.ceil(bounds.getWest() / step); k * step < bounds.getEast(); k++) {
      x = k * step;
      L.polyline([[bounds.getSouth(), x], [bounds.getNorth(), x]], style).addTo(graticule).bringToBack();
      label([bounds.getNorth(), x], degrees(x, step), [-3, 0]);
    }
    for (k = Math.ceil(bounds.getSouth() / step); k * step < bounds.getNorth(); k++) {
      y = k * step;
      L.polyline([[y, bounds.getWest()], [y, bounds.getEast()]], style).addTo(graticule).bringToBack();
      label([y, bounds.getWest()], degrees(y, step), [-44, 15]);
    }
  }
  map.on("moveend", draw);
  draw();
})();
