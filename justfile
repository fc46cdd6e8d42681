# Everyday commands; script/ holds the longer ones. https://just.systems

# List these commands
default:
    @just --list

# Format, unit tests, and the rules about imports and language
quick *arguments:
    script/test --quick {{arguments}}

# All tests that need no other program
test *arguments:
    script/test --sqlite {{arguments}}

# Everything that CI checks; installs what is missing
ci:
    script/test

# One story or a few, such as `just story signup::`
story name:
    cargo test --test daily {{name}}

# Format the code and show clippy's findings
fix:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# Everything at work, without configuration
demo:
    cargo run -- demo

# Every email in every state, as pictures and contact sheets, into a folder
gallery folder="target/gallery":
    cargo run -p gallery -- {{folder}}

# Review changed snapshots
snapshots:
    cargo insta review

# Write docs/reference/commands.md from the help
commands:
    DAILY_WRITE_REFERENCE=1 cargo test --test daily the_reference_of_commands_is_current

# Install what the tests need
bootstrap:
    script/bootstrap

# Measure how fast Daily sends
bench *options:
    script/bench {{options}}

# Compare that with other senders
compare *options:
    script/compare {{options}}
