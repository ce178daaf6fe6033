//! Memory and allocations, as JSON. A program apart, because the counting allocator slows every allocation.

#![allow(clippy::print_stdout, reason = "a command line program speaks on its standard output")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to stop")]

mod allocations;
mod memory;

use serde_json::json;

fn main() {
    let memory = memory::measure();
    let allocations = allocations::measure();
    let mut figures = memory.to_json();
    figures["warm_hit_allocations_beyond_extensions"] = json!(allocations.warm_hit);
    figures["forged_allocations"] = json!(allocations.forged);
    println!("{figures}");
}
