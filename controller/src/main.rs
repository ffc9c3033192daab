//! The program `omsctl`: its words in, its exit code out. Everything else is the library's.

use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(omsctl_controller::app::run(std::env::args_os()));
            // A task may still wait for a terminal or a dead host; nobody waits for it.
            runtime.shutdown_background();
            exit.into()
        }
        Err(_) => ExitCode::FAILURE,
    }
}
