// Draws the charts from the JSON in the page, in the colours of the page, and redraws them when the colours change.
(() => {
  "use strict";
  const charts = new Map(JSON.parse(document.getElementById("charts").textContent).map((chart) => [chart.id, chart]));
  const views = [];

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const names = ["text", "quiet", "line", "page", "good", "bad", "candidate", "baseline", "served", "training", "validation", "reference"];
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }

  function height(chart) {
    if (chart.intervals.length) return 72 + 40 * chart.levels.length;
    if (chart.levels.length) return 72 + 30 * chart.levels.length;
    if (chart.square) return 352;
    return chart.small ? 240 : 288;
  }

  function figure(chart, colour) {
    const options = {
      height: height(chart),
      sizing_mode: "stretch_width",
      toolbar_location: null,
      tools: [],
      x_axis_label: chart.x_label,
      y_axis_label: chart.y_label,
      x_axis_type: chart.cells ? "auto" : chart.log_x ? "log" : "linear",
      y_axis_type: chart.levels.length ? "auto" : chart.log_y ? "log" : "linear",
      background_fill_color: null,
      border_fill_color: null,
      outline_line_color: colour.line,
      min_border_left: 0,
    };
    if (chart.square) {
      Object.assign(options, { x_range: [-0.02, 1.02], y_range: [-0.02, 1.02] });
    }
    if (chart.x_range) options.x_range = chart.x_range;
    if (chart.y_range) options.y_range = chart.y_range;
    if (chart.levels.length) options.y_range = chart.levels.toReversed();
    if (chart.cells) options.x_range = chart.cells.columns;
    const plot = Bokeh.Plotting.figure(options);
    if (chart.cells) plot.below[0].major_label_orientation = Math.PI / 4; // the names would touch
    if (chart.intervals.length) plot.below[0].ticker.desired_num_ticks = 4; // the labels of more would touch on a phone
    for (const axis of [plot.xaxis, plot.yaxis]) {
      axis.axis_label_text_color = colour.text;
      axis.axis_label_text_font_style = "normal";
      axis.major_label_text_color = colour.text;
      axis.axis_line_color = colour.quiet;
      axis.major_tick_line_color = colour.quiet;
      axis.minor_tick_line_color = null;
    }
    for (const grid of [plot.xgrid, plot.ygrid]) {
      grid.grid_line_color = colour.line;
      grid.grid_line_alpha = 0.6;
    }
    return plot;
  }

  function hover(plot, renderer, tooltips) {
    plot.add_tools(new Bokeh.HoverTool({ renderers: [renderer], tooltips }));
  }

  function addLine(plot, chart, line, colour) {
    const source = new Bokeh.ColumnDataSource({
      data: { x: line.x.map((value) => value ?? NaN), y: line.y.map((value) => value ?? NaN) },
    });
    const dash = line.dash ? [6, 4] : [];
    const single = line.dots && line.x.length === 1;
    let drawn = line.joined && plot.line({ field: "x" }, { field: "y" }, {
      source, line_color: colour[line.series], line_width: line.series === "reference" ? 1 : 2, line_dash: dash,
    });
    if (line.dots) {
      const dots = plot.scatter({ field: "x" }, { field: "y" }, {
        source, size: single ? 12 : line.joined ? 7 : 4, fill_color: colour[line.series],
        fill_alpha: line.joined ? 1 : 0.5,
        line_color: line.joined ? (single ? colour.page : colour[line.series]) : null, line_width: single ? 2 : 1,
      });
      if (single || !line.joined) drawn = dots; // a line through one point can't be hovered over
    }
    if (line.low.length) {
      const bars = new Bokeh.ColumnDataSource({
        data: { x: source.data.x, low: line.low.map((value) => value ?? NaN), high: line.high.map((value) => value ?? NaN) },
      });
      plot.segment({ field: "x" }, { field: "low" }, { field: "x" }, { field: "high" }, {
        source: bars, line_color: colour[line.series], line_width: 1.5, line_alpha: 0.6,
      });
    }
    if (line.series !== "reference") {
      hover(plot, drawn, [["", line.name], [chart.x_label, "@x"], [chart.y_label, "@y{0.0000}"]]);
    }
  }

  function addBars(plot, chart, bars, colour) {
    // A logarithmic axis has no 0: bars start at the floor of the chart, and empty bars are omitted.
    const shown = bars.heights.map((_, index) => index).filter((index) => bars.heights[index] > 0);
    const source = new Bokeh.ColumnDataSource({
      data: {
        left: shown.map((index) => bars.edges[index]),
        right: shown.map((index) => bars.edges[index + 1]),
        top: shown.map((index) => bars.heights[index]),
        bottom: shown.map(() => chart.floor),
      },
    });
    const filled = bars.series === "candidate";
    const drawn = plot.quad({ field: "left" }, { field: "right" }, { field: "bottom" }, { field: "top" }, {
      source, line_color: null, fill_color: colour[bars.series], fill_alpha: filled ? 0.45 : 0,
    });
    // An outline keeps the two models distinguishable where their bars overlap.
    const heights = bars.heights.map((height) => Math.max(height, chart.floor));
    const x = bars.edges.flatMap((edge) => [edge, edge]);
    const y = [chart.floor, ...heights.flatMap((height) => [height, height]), chart.floor];
    plot.line(x, y, { line_color: colour[bars.series], line_width: 1.5 });
    hover(plot, drawn, [["", bars.name], ["from", "@left{0.0000}"], ["to", "@right{0.0000}"]]);
  }

  function addDots(plot, chart, colour) {
    const [first, second] = chart.dots;
    const joined = new Bokeh.ColumnDataSource({
      data: { y: chart.levels, x0: first.x.map((value) => value ?? NaN), x1: second.x.map((value) => value ?? NaN) },
    });
    plot.segment({ field: "x0" }, { field: "y" }, { field: "x1" }, { field: "y" }, {
      source: joined, line_color: colour.reference, line_width: 2,
    });
    for (const dots of chart.dots) {
      const source = new Bokeh.ColumnDataSource({ data: { x: dots.x.map((value) => value ?? NaN), y: chart.levels } });
      const drawn = plot.scatter({ field: "x" }, { field: "y" }, {
        source, size: 11, line_width: 2, line_color: colour[dots.series],
        fill_color: dots.hollow ? colour.page : colour[dots.series],
      });
      hover(plot, drawn, [["", "@y"], [dots.name, "@x{0.0000}"]]);
    }
  }

  function addIntervals(plot, chart, colour) {
    const items = chart.intervals;
    const column = (name) => items.map((item) => item[name] ?? NaN);
    const data = {
      y: chart.levels, value: column("value"), low: column("low"), high: column("high"), limit: column("limit"),
      colour: items.map((item) => colour[item.finding]),
    };
    const source = new Bokeh.ColumnDataSource({ data });
    plot.segment({ field: "low" }, { field: "y" }, { field: "high" }, { field: "y" }, {
      source, line_color: { field: "colour" }, line_width: 3,
    });
    plot.scatter({ field: "limit" }, { field: "y" }, {
      source, marker: "dash", angle: Math.PI / 2, size: 22, line_color: colour.text, line_width: 2,
    });
    const drawn = plot.scatter({ field: "value" }, { field: "y" }, {
      source, size: 11, line_width: 2, line_color: colour.page, fill_color: { field: "colour" },
    });
    hover(plot, drawn, [
      ["", "@y"], ["value", "@value{0.0000}"], ["from", "@low{0.0000}"], ["to", "@high{0.0000}"],
      ...(items.some((item) => item.limit !== null) ? [["limit", "@limit{0.0000}"]] : []),
    ]);
  }

  function addCells(plot, chart, colour) {
    const pairs = chart.levels.flatMap((level, row) => chart.cells.columns.map((column, at) => [level, column, row, at]));
    const share = pairs.map(([, , row, at]) => chart.cells.shares[row][at] ?? 0);
    const source = new Bokeh.ColumnDataSource({
      data: {
        y: pairs.map(([level]) => level), x: pairs.map(([, column]) => column), share,
        text: pairs.map(([, , row, at]) => chart.cells.texts[row][at]),
        ink: share.map((value) => (value > 0.6 ? colour.page : colour.text)),
      },
    });
    const drawn = plot.rect({ field: "x" }, { field: "y" }, 1, 1, {
      source, fill_color: colour.candidate, fill_alpha: { field: "share" }, line_color: colour.line,
    });
    if (chart.levels.length <= 12) { // the texts in the squares of more would overlap
      plot.text({ field: "x" }, { field: "y" }, { field: "text" }, {
        source, text_color: { field: "ink" }, text_align: "center", text_baseline: "middle", text_font_size: "12px",
      });
    }
    hover(plot, drawn, [[chart.y_label, "@y"], [chart.x_label, "@x"], ["rows", "@text"], ["share", "@share{0.0%}"]]);
  }

  function draw(target, chart, colour) {
    const plot = figure(chart, colour);
    if (chart.intervals.length) addIntervals(plot, chart, colour);
    if (chart.dots.length) addDots(plot, chart, colour);
    if (chart.cells) addCells(plot, chart, colour);
    for (const bars of chart.bars) addBars(plot, chart, bars, colour);
    for (const line of chart.lines) addLine(plot, chart, line, colour);
    if (chart.mark) {
      plot.add_layout(new Bokeh.Span({
        location: chart.mark[0], dimension: "height", line_color: colour.reference, line_dash: [2, 4], line_width: 2,
      }));
    }
    return Bokeh.Plotting.show(plot, target);
  }

  // A chart in a collapsed section has no width yet: it is drawn when the section is opened.
  async function drawVisible() {
    const colour = colours();
    for (const target of document.querySelectorAll("[data-chart]:not([data-drawn])")) {
      if (target.closest("details:not([open])")) continue;
      target.replaceChildren();
      views.push(await draw(target, charts.get(target.dataset.chart), colour));
      target.dataset.drawn = "";
    }
    document.documentElement.dataset.charts = "drawn";
  }

  async function redraw() {
    for (const view of views.splice(0)) view.remove();
    for (const target of document.querySelectorAll("[data-drawn]")) delete target.dataset.drawn;
    await drawVisible();
  }

  Bokeh.logger.set_level("warn"); // by default it logs to the console how long each chart took
  let last = Promise.resolve();
  const after = (action) => { last = last.then(action); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => after(redraw));
  document.addEventListener("toggle", () => after(drawVisible), true); // this event does not bubble
  after(drawVisible);
})();
