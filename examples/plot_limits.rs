//! Draws what each algorithm admits of the same requests, as the SVG that the documentation shows:
//!
//! ```text
//! cargo run --features test-util --example plot_limits [-- --check] [FILE]
//! ```
//!
//! Without FILE that is `src/rate_limit/limits.svg`. `--check` writes nothing, and fails if the file is not what would
//! be written.

use std::{
    error::Error,
    fmt::{self, Write as _},
    fs,
    io::Write as _,
    time::Duration,
};

use tower_keep::{
    rate_limit::{InvalidLimit, Limit, RateLimiter},
    seconds,
    test_util::ManualClock,
};

/// Ten in ten seconds, whatever the algorithm. Times are in milliseconds; the first is the beginning of a window.
const QUOTA: u64 = 10;
const WINDOW: u64 = 10_000;
const END: u64 = 65_000;

/// When requests come: each group from, to and every so often.
const TRACE: [(&str, u64, u64, u64); 5] = [
    ("a border", 9_000, 9_900, 100),
    ("", 10_000, 10_900, 100),
    ("twice the rate", 15_000, 32_000, 500),
    ("after a pause", 49_500, 49_950, 50),
    ("9 s later", 58_500, 59_400, 100),
];

fn arrivals() -> impl Iterator<Item = u64> {
    let group = |(_, from, to, every): (&str, u64, u64, u64)| {
        (from..=to).step_by(usize::try_from(every).unwrap_or(usize::MAX))
    };
    TRACE.into_iter().flat_map(group)
}

/// An algorithm, and the most that it admits in any window whatever comes.
struct Row {
    name: &'static str,
    limit: Limit,
    at_worst: u64,
}

fn rows() -> Result<[Row; 6], InvalidLimit> {
    let row = |name, at_worst, limit| Row {
        name,
        limit,
        at_worst,
    };
    let window = Duration::from_millis(WINDOW);
    let fixed = Limit::fixed_window(QUOTA).per(window).build()?;
    let sliding = Limit::sliding_window(QUOTA).per(window).build()?;
    let log = Limit::sliding_log(QUOTA).per(window).build()?;
    let tokens = Limit::token_bucket(QUOTA).per(window).build()?;
    let leaky = Limit::leaky_bucket(1).per(seconds(1)).capacity(4).build()?;
    let queue = Limit::leaky_queue(1).per(seconds(1)).waiting(4).build()?;
    Ok([
        row("fixed window", 2 * QUOTA, fixed),
        row("sliding window", 2 * QUOTA - 1, sliding),
        row("sliding log", QUOTA, log),
        row("token bucket, holds 10", 10 + QUOTA, tokens),
        row("leaky bucket, holds 4", 4 + QUOTA, leaky),
        row("leaky queue, 4 may wait", QUOTA, queue),
    ])
}

/// What became of the requests.
#[derive(Default)]
struct Fate {
    /// When the admitted ones passed: not always when they came.
    passed: Vec<u64>,
    refused: Vec<u64>,
}

impl Fate {
    fn under(limit: Limit) -> Self {
        let hand = ManualClock::new();
        let limiter = RateLimiter::new(limit).clock(hand.clock());
        let (mut fate, mut now) = (Self::default(), 0);
        for arrival in arrivals() {
            hand.advance(Duration::from_millis(arrival - now));
            now = arrival;
            match limiter.check("everybody") {
                Ok(admission) => fate.passed.push(now + millis(admission.delay())),
                Err(_) => fate.refused.push(now),
            }
        }
        fate
    }

    /// The window in which most passed: its beginning, and how many. It does not contain its end.
    fn densest(&self) -> (u64, u64) {
        let in_window = |from: &u64| {
            let within = |at: &&u64| (*from..from + WINDOW).contains(*at);
            (*from, self.passed.iter().filter(within).count() as u64)
        };
        let counts = self.passed.iter().map(in_window);
        // The first of equals.
        counts
            .rev()
            .max_by_key(|(_, count)| *count)
            .unwrap_or((0, 0))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

const LEFT: u64 = 12;
const TOP: u64 = 86;
const ROW: u64 = 76;
const MARKS: u64 = 52;
const WIDTH: u64 = 2 * LEFT + END / 100;

/// Where a moment is: ten pixels a second.
struct X(u64);

impl fmt::Display for X {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = LEFT * 10 + self.0 / 10;
        write!(f, "{}", tenths / 10)?;
        match tenths % 10 {
            0 => Ok(()),
            tenth => write!(f, ".{tenth}"),
        }
    }
}

/// A line for each moment, up or down from a base.
fn ticks(class: &str, at: &[u64], base: u64, height: i64) -> String {
    let mut path = format!("<path class=\"{class}\" d=\"");
    for moment in at {
        // Writing to a string does not fail.
        let _ = write!(path, "M{} {base}v{height}", X(*moment));
    }
    path + "\"/>\n"
}

fn text(x: impl fmt::Display, y: u64, more: &str, text: &str) -> String {
    format!("<text x=\"{x}\" y=\"{y}\"{more}>{text}</text>\n")
}

/// In a document, colours are those of its text; alone, those of the reader's theme. What is admitted and what is not
/// can be told without colours, too.
const STYLE: &str = "<style>\
svg:root{color:#24292f}\
@media(prefers-color-scheme:dark){svg:root{color:#d0d7de}}\
.limits text{font:12px sans-serif;fill:currentColor}\
.limits .name{font-weight:bold}\
.limits .axis{stroke:currentColor;opacity:.5}\
.limits .grid{stroke:currentColor;opacity:.15}\
.limits .in{stroke:#1a8f5a;stroke-width:2}\
.limits .out{stroke:#d1483f;stroke-width:2}\
.limits .all{stroke:#4a86c5;stroke-width:2}\
.limits .sum{fill:none;stroke:#1a8f5a;opacity:.6}\
.limits .most{fill:#c28a00;opacity:.22}\
</style>\n";

const ALT: &str = "What each algorithm admits of the same requests, ten in ten seconds: the admitted ones above \
each line, the refused ones below it, and the ten seconds in which most are admitted";

/// The requests as they come, and what the signs mean.
fn head(height: u64) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"limits\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" style=\"max-width:100%\" role=\"img\" aria-label=\"{ALT}\">\n{STYLE}"
    );
    for second in (0..=END / 1_000).step_by(10) {
        let x = X(second * 1_000);
        svg += &format!("<path class=\"grid\" d=\"M{x} 40V{}\"/>\n", height - 20);
        let middle = " text-anchor=\"middle\"";
        svg += &text(&x, height - 6, middle, &format!("{second} s"));
    }
    for (name, from, ..) in TRACE {
        svg += &text(X(from), 34, "", name);
    }
    let all: Vec<u64> = arrivals().collect();
    let count = format!("{} requests", all.len());
    svg += &text(LEFT, 14, BOLD, &count);
    svg += &text(LEFT + 100, 14, "", SIGNS);
    svg + &axis(MARKS) + &ticks("all", &all, MARKS, -12)
}

const SIGNS: &str =
    "above a line: admitted, and their sum; below: refused; shaded: the fullest 10 s";

const BOLD: &str = " class=\"name\"";

fn axis(y: u64) -> String {
    format!(
        "<path class=\"axis\" d=\"M{LEFT} {y}H{}\"/>\n",
        WIDTH - LEFT
    )
}

/// How many have passed at each time.
fn sum(passed: &[u64], base: u64) -> String {
    let mut path = format!("<path class=\"sum\" d=\"M{LEFT} {base}");
    for moment in passed {
        let _ = write!(path, "H{}v-.5", X(*moment));
    }
    let _ = write!(path, "H{}", X(END));
    path + "\"/>\n"
}

fn row(top: u64, row: &Row, fate: &Fate) -> String {
    let base = top + MARKS;
    let (from, most) = fate.densest();
    let says = format!(
        "{} admitted, up to {most} in 10 s (at worst {})",
        fate.passed.len(),
        row.at_worst
    );
    let shade = format!(
        "<rect class=\"most\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"44\"/>\n",
        X(from),
        base - 34,
        WINDOW / 100
    );
    text(LEFT, top + 12, BOLD, row.name)
        + &text(LEFT + 170, top + 12, "", &says)
        + &shade
        + &axis(base)
        + &sum(&fate.passed, base)
        + &ticks("in", &fate.passed, base, -12)
        + &ticks("out", &fate.refused, base, 7)
}

fn svg() -> Result<String, Box<dyn Error>> {
    let rows = rows()?;
    let height = TOP + rows.len() as u64 * ROW + 14;
    let mut svg = head(height);
    for (index, each) in (0..).zip(&rows) {
        let fate = Fate::under(each.limit.clone());
        if fate.densest().1 > each.at_worst {
            return Err(format!("{} admits more than is said of it", each.name).into());
        }
        svg += &row(TOP + index * ROW, each, &fate);
    }
    Ok(svg + "</svg>\n")
}

fn main() -> Result<(), Box<dyn Error>> {
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rate_limit/limits.svg");
    let (options, files): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|argument| argument.starts_with('-'));
    let file = files.first().map_or(FILE, String::as_str);
    let svg = svg()?;
    match options.as_slice() {
        [] => fs::write(file, &svg)?,
        [only] if only == "--check" => {
            if fs::read_to_string(file)? != svg {
                return Err(format!("{file} is not what this example draws: run it").into());
            }
        }
        _ => return Err("usage: plot_limits [--check] [FILE]".into()),
    }
    writeln!(std::io::stdout(), "{file}: {} bytes", svg.len())?;
    Ok(())
}
