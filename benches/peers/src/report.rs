use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::chart::{self, Group, show};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run fewer and shorter rounds.
    #[arg(long)]
    quick: bool,
    /// Measure only these whole servers, and print their table.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Write the figures to this file.
    #[arg(long)]
    json: PathBuf,
    /// Use the packages of npm and PyPI in this folder.
    #[arg(long)]
    installed: PathBuf,
    /// Update the figures of `performance.md` and the chart in this folder.
    #[arg(long)]
    docs: Option<PathBuf>,
    /// Quote the figures of the load test in this file.
    #[arg(long)]
    load: Option<PathBuf>,
}

const MARKS: [&str; 2] = ["<!-- written by `cargo xtask peers` -->\n", "<!-- end -->\n"];

pub(crate) fn run(options: &Options) {
    let folder = tempfile::Builder::new().prefix("keyward-peers-").tempdir().unwrap();
    // nginx reads files in it as another user.
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (rounds, seconds, in_process) = if options.quick { (3, 1, 10) } else { (9, 2, 60) };
    let servers = crate::whole_servers::measure(rounds, seconds, folder.path(), &options.installed, &options.only);
    let in_process = if options.only.is_empty() {
        crate::in_process::measure(in_process)
    } else {
        json!({ "added_ns": {}, "ratio_to_keyward": {} })
    };
    let mut figures = json!({ "about": about(options), "in_process": in_process });
    figures["whole_servers"] = servers;
    // A copy at the top level, where readers of the file expect it.
    figures["rps_ratio_to_no_auth"] = figures["whole_servers"]["rps_ratio_to_no_auth"].clone();
    if let Some(load) = &options.load {
        figures["load"] = serde_json::from_str(&fs::read_to_string(load).unwrap()).unwrap();
    }
    let text = text(&figures);
    println!("{text}");
    fs::write(&options.json, serde_json::to_string_pretty(&figures).unwrap()).unwrap();
    if let Some(docs) = &options.docs {
        write(docs, &text, &figures);
    }
}

fn about(options: &Options) -> Value {
    let first_line = |command: &mut Command| {
        let output = command.output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        Some(String::from_utf8_lossy(&said).lines().next()?.trim().to_owned())
    };
    let nginx = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
    let haproxy = if Path::new("/usr/sbin/haproxy").exists() { "/usr/sbin/haproxy" } else { "haproxy" };
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1)).unwrap_or("unknown");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    json!({
        "date": jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "processor": model,
        "load_before": load.split(' ').next(),
        "quick": options.quick,
        "rustc": first_line(Command::new("rustc").arg("--version")),
        "nginx": first_line(Command::new(nginx).arg("-v")),
        "haproxy": first_line(Command::new(haproxy).arg("-v")),
        "node": first_line(Command::new("node").arg("--version")),
        "python": first_line(Command::new(options.installed.join("drf/bin/python")).arg("--version")),
    })
}

fn text(figures: &Value) -> String {
    let mut text = String::new();
    let about = &figures["about"];
    let word = |name: &str| about[name].as_str().unwrap_or("not there").to_owned();
    let _ = writeln!(
        text,
        "{}, {} cores ({}), load average before {}{}; {}; {}; {}; Node {}; {}.\n",
        word("date"),
        about["processors"],
        word("processor"),
        word("load_before"),
        if about["quick"] == true { ", `--quick`" } else { "" },
        word("rustc"),
        word("nginx"),
        word("haproxy"),
        word("node"),
        word("python"),
    );
    let _ = writeln!(
        text,
        "| server | requests/s, to axum's | to its own kind's | per processor second, to axum's | busy |"
    );
    let _ = writeln!(text, "| --- | --- | --- | --- | --- |");
    let servers = &figures["whole_servers"];
    let number = |value: &Value| value.as_f64().map_or_else(|| "–".to_owned(), show);
    for (name, one) in servers["servers"].as_object().unwrap() {
        let _ = writeln!(
            text,
            "| `{name}` | {} | {} | {} | {} % |",
            number(&servers["rps_ratio_to_axum_no_auth"][name]),
            number(&servers["rps_ratio_to_own_no_auth"][name]),
            number(&servers["rps_per_processor_ratio_to_axum_no_auth"][name]),
            (one["processor_busy"].as_f64().unwrap() * 100.0).round(),
        );
    }
    let skipped = servers["skipped"].as_object().unwrap();
    for (name, reason) in skipped {
        let _ = writeln!(text, "\nSkipped: `{name}`: {}.", reason.as_str().unwrap());
    }
    let _ = writeln!(text, "\n| in process | nanoseconds added | to keyward's |\n| --- | --- | --- |");
    let in_process = &figures["in_process"];
    for (name, added) in in_process["added_ns"].as_object().unwrap() {
        let ratio = number(&in_process["ratio_to_keyward"][name]);
        let _ = writeln!(text, "| `{name}` | {:.0} | {ratio} |", added.as_f64().unwrap());
    }
    let cheap = &servers["rps_per_processor_ratio_to_axum_no_auth"];
    let times = |other: &str| Some(show(cheap["keyward_axum"].as_f64()? / cheap[other].as_f64()?));
    for other in ["better_auth", "drf", "nginx_auth_request", "nginx_map", "haproxy_map"] {
        if let Some(times) = times(other) {
            let _ = writeln!(text, "\nRequests per processor second, `keyward_axum` to `{other}`: {times}.");
        }
    }
    let load = &figures["load"];
    if let Some(ratio) = load["forged_to_valid_processor_ratio"].as_f64() {
        let cost = |name: &str| number(&load["phases"][name]["processor_us_per_request"]);
        let _ = writeln!(
            text,
            "\nUnder load, a forged key took {} times the processor time of a valid one: {} and {} µs, the whole server counted.",
            show(ratio),
            cost("forged"),
            cost("valid"),
        );
    }
    text
}

fn write(docs: &Path, text: &str, figures: &Value) {
    let file = docs.join("performance.md");
    let old = fs::read_to_string(&file).unwrap();
    let (before, rest) = old.split_once(MARKS[0]).expect("performance.md has the first mark");
    let (_, after) = rest.split_once(MARKS[1]).expect("performance.md has the second mark");
    let chart = "![The same as bars](performance.svg)\n";
    fs::write(&file, format!("{before}{}\n{text}\n{chart}\n{}{after}", MARKS[0], MARKS[1])).unwrap();
    let bars = |values: &Value| {
        let mut bars: Vec<(String, f64)> = values
            .as_object()
            .unwrap()
            .iter()
            .filter_map(|(name, value)| Some((name.replace('_', " "), value.as_f64().filter(|value| *value > 0.0)?)))
            .collect();
        bars.sort_by(|one, other| other.1.total_cmp(&one.1));
        bars
    };
    let mut added = bars(&figures["in_process"]["added_ns"]);
    added.reverse();
    let groups = [
        Group {
            title: "Requests per processor second, relative to axum without authentication (logarithmic)",
            bars: bars(&figures["whole_servers"]["rps_per_processor_ratio_to_axum_no_auth"]),
        },
        Group { title: "Nanoseconds added to a request, in process (logarithmic)", bars: added },
    ];
    chart::draw(&docs.join("performance.svg"), &groups);
}
