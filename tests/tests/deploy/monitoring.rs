//! A real Prometheus on a real node.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use keyward_needs::needs;
use keyward_tests::program::{Curled, end_with_this_process, eventually, free_port, signal, start_in_background};
use serde_json::Value;

use crate::{deploy, port, read, run, serve};

#[needs(prometheus)]
#[test]
fn alerts_are_valid_and_fire_when_they_should() {
    run(Command::new("promtool").args(["check", "config"]).arg(deploy("prometheus/prometheus.yml")));
    run(Command::new("promtool").args(["test", "rules"]).arg(deploy("prometheus/alerts_test.yaml")));
}

fn metrics_of_the_guide() -> BTreeSet<String> {
    let page = read("guide/src/metrics.md");
    let table = page.split("\n## Every metric\n").nth(1).unwrap().split("\n## ").next().unwrap();
    table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).map(str::to_owned).collect()
}

/// Without the endings of a histogram.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let names = words.filter(|word| word.starts_with("keyward_"));
    let whole = |name: &str| {
        let endings = ["_bucket", "_count", "_sum"];
        let base =
            endings.iter().find_map(|ending| name.strip_suffix(ending)).filter(|base| base.ends_with("_seconds"));
        base.unwrap_or(name).to_owned()
    };
    names.map(whole).collect()
}

#[test]
fn dashboard_and_alerts_name_metrics_of_the_guide() {
    let known = metrics_of_the_guide();
    assert!(known.len() > 10, "{known:?}");
    let shown = metrics_in(&read("deploy/grafana/keyward.json"));
    let alerts = metrics_in(&read("deploy/prometheus/alerts.yaml"));
    let unknown: Vec<_> = shown.union(&alerts).filter(|name| !known.contains(*name)).collect();
    assert!(unknown.is_empty(), "guide/src/metrics.md lacks {unknown:?}");
    let hidden: Vec<_> = known.iter().filter(|name| !shown.contains(*name)).collect();
    assert!(hidden.is_empty(), "the dashboard does not show {hidden:?}");
}

/// With the values that Grafana would put in.
fn expressions_of_the_dashboard() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/keyward.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let annotations = dashboard["annotations"]["list"].as_array().unwrap();
    let expressions = targets.chain(annotations).map(|target| target["expr"].as_str().unwrap().to_owned());
    let replaced = expressions.map(|text| {
        [("$__rate_interval", "1m"), ("$job", "keyward"), ("$instance", ".+")]
            .iter()
            .fold(text, |text, (variable, value)| text.replace(variable, value))
    });
    let replaced: Vec<String> = replaced.collect();
    assert!(replaced.len() > 15 && replaced.iter().all(|text| !text.contains('$')), "{replaced:#?}");
    replaced
}

struct Prometheus {
    url: String,
    process: u32,
}

impl Prometheus {
    /// With the configuration of `deploy`, on this port of a node.
    fn start(node: u16) -> Self {
        let folder = tempfile::Builder::new().prefix("keyward-prometheus-").tempdir().unwrap().keep();
        let configuration = read("deploy/prometheus/prometheus.yml");
        assert!(configuration.contains("\"keyward:9464\"") && configuration.contains("interval: 15s"));
        let configuration = configuration.replace("keyward:9464", &format!("127.0.0.1:{node}"));
        fs::write(folder.join("prometheus.yml"), configuration.replace("interval: 15s", "interval: 1s")).unwrap();
        fs::copy(deploy("prometheus/alerts.yaml"), folder.join("alerts.yaml")).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", folder.join("prometheus.yml").display()));
        command.arg(format!("--storage.tsdb.path={}", folder.join("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        let log = fs::File::create(folder.join("log")).unwrap();
        let command = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let prometheus = Self { url: format!("http://{address}"), process: start_in_background(command) };
        end_with_this_process(prometheus.process, &folder);
        eventually("Prometheus is ready", || prometheus.get("/-/ready", &[]).is_some());
        prometheus
    }

    /// Returns `None` unless it answers 200.
    fn get(&self, path: &str, query: &[&str]) -> Option<String> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--include", "--max-time", "60", "--get"]).arg(format!("{}{path}", self.url));
        curl.args(query.iter().flat_map(|pair| ["--data-urlencode", pair]));
        let is_up = Command::new("curl").args(["--silent", &self.url]).stdout(Stdio::null()).status().unwrap();
        let answer = is_up.success().then(|| Curled::of(curl))?;
        (answer.status == 200).then_some(answer.body)
    }

    fn query(&self, expression: &str) -> Value {
        let answer = self.get("/api/v1/query", &[&format!("query={expression}")]);
        let answer = answer.unwrap_or_else(|| panic!("Prometheus refuses {expression}"));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["data"]["result"].clone()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        signal("-TERM", self.process);
    }
}

#[needs(prometheus, curl)]
#[test]
fn prometheus_scrapes_a_node_and_loads_the_alerts() {
    let folder = tempfile::tempdir().unwrap();
    let (server, first) = serve(&folder, &["--demo"]);
    let metrics = port(&first["metrics"]);
    let prometheus = Prometheus::start(metrics);
    eventually("Prometheus has scraped", || prometheus.query("up{job=\"keyward\"} == 1").get(0).is_some());
    eventually("the node has a lease", || prometheus.query("keyward_lease_held == 1").get(0).is_some());

    for expression in expressions_of_the_dashboard() {
        prometheus.query(&expression);
    }
    let names: Value = serde_json::from_str(&prometheus.get("/api/v1/label/__name__/values", &[]).unwrap()).unwrap();
    let known = metrics_of_the_guide();
    let scraped: BTreeSet<String> =
        names["data"].as_array().unwrap().iter().flat_map(|name| metrics_in(name.as_str().unwrap())).collect();
    assert!(scraped.contains("keyward_lease_held") && scraped.is_subset(&known), "{scraped:?}");

    let loaded = || -> Vec<Value> {
        let rules: Value = serde_json::from_str(&prometheus.get("/api/v1/rules", &[]).unwrap()).unwrap();
        let groups = rules["data"]["groups"].as_array().unwrap();
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
    };
    let written = read("deploy/prometheus/alerts.yaml").matches("- alert: ").count();
    eventually("Prometheus has evaluated the alerts", || {
        let rules = loaded();
        assert_eq!(rules.len(), written);
        rules.iter().all(|rule| rule["health"] == "ok")
    });
    for rule in loaded() {
        assert_ne!(rule["state"], "firing", "a healthy node raises {rule}");
    }
    server.stop();
    eventually("Prometheus misses the node", || {
        loaded().iter().any(|rule| rule["name"] == "KeywardDown" && rule["state"] == "pending")
    });
}
