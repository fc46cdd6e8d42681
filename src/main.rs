use std::process::ExitCode;

fn main() -> ExitCode {
    daily::cli::main()
}
