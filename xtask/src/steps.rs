//! A list of steps, which run in order until one fails.

use std::time::Instant;

use clap::ValueEnum;

use crate::error::Error;
use crate::tally::Tally;

pub(crate) trait Step: ValueEnum + Copy + PartialEq + Send + Sync + 'static {
    fn run(self, tally: &mut Tally) -> Result<(), Error>;
}

#[derive(clap::Args)]
pub(crate) struct Options<S: Step> {
    /// Run only this step.
    #[arg(long, value_enum, value_name = "STEP")]
    only: Option<S>,

    /// Leave out these steps, with commas between them.
    #[arg(long, value_enum, value_name = "STEPS", value_delimiter = ',', conflicts_with = "only")]
    skip: Vec<S>,

    /// List the steps without running them.
    #[arg(long, conflicts_with_all = ["only", "skip"])]
    list: bool,
}

impl<S: Step> Options<S> {
    pub(crate) fn run(&self, tally: &mut Tally) -> Result<(), Error> {
        if self.list {
            list::<S>();
            return Ok(());
        }
        let steps = self.only.as_ref().map_or(S::value_variants(), std::slice::from_ref);
        steps.iter().filter(|step| !self.skip.contains(step)).try_for_each(|step| run_timed(*step, tally))
    }
}

fn list<S: Step>() {
    for step in S::value_variants().iter().filter_map(S::to_possible_value) {
        let help = step.get_help().map(ToString::to_string).unwrap_or_default();
        println!("{:10}{help}", step.get_name());
    }
}

fn run_timed<S: Step>(step: S, tally: &mut Tally) -> Result<(), Error> {
    let value = step.to_possible_value();
    let name = value.as_ref().map_or("", |value| value.get_name());
    println!("\n== {name}");
    let start = Instant::now();
    let outcome = step.run(tally);
    let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
    println!("== {name}: {verdict}, {:.1} s", start.elapsed().as_secs_f64());
    outcome
}
