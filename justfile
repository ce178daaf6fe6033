# Thin names for `cargo xtask`, which does the work; nothing needs `just`.

# List these names.
default:
    @just --list

# Run the tests, or with `--only STEP` one step of them.
test *arguments:
    cargo xtask test {{ arguments }}

# Check what the tests do not: lints, proofs, faults, fuzzing, measurements, packages.
verify *arguments:
    cargo xtask verify {{ arguments }}

# Measure, in release mode.
bench *arguments:
    cargo xtask bench {{ arguments }}

# Run the fuzz targets for a minute, or for `--seconds N`.
fuzz *arguments:
    cargo xtask fuzz {{ arguments }}

# Run three nodes under faults.
faults *arguments:
    cargo xtask faults {{ arguments }}

# Build the guide as a book.
guide:
    cargo xtask guide

# Measure beside other software.
peers *arguments:
    cargo xtask peers {{ arguments }}

# Put a server under load.
load *arguments:
    cargo xtask load {{ arguments }}

# Simulate many nodes on one store.
simulate *arguments:
    cargo xtask simulate {{ arguments }}

# Compare what the crates offer with docs/api.
api *arguments:
    cargo xtask api {{ arguments }}

# Check the supply chain.
supply *arguments:
    cargo xtask supply {{ arguments }}

# Format the code.
fmt:
    cargo fmt --all
