//! `mysql` and `mysqldump` of OMS's image, in a container of their own that ends with them: OMS's container is stopped
//! when they are needed. The log-in lies in a file that only root reads; nothing of it is in arguments or environment.

use std::path::PathBuf;

use omsctl_proto::{ErrorCode, ErrorReport, RunId, SecretName};

use super::context::harmless;
use super::{Context, Stop};
use crate::dumps::DumpFolder;
use crate::ports::{Helper, HelperMount};

const OPTIONS: &str = "/omsctl/client.cnf";
/// Where the programs see the folder of the dump.
pub(super) const DUMP: &str = "/omsctl/dump";

/// The programs with what they need.
pub(super) struct MysqlPrograms<'a> {
    context: &'a Context<'a>,
    image: &'a str,
    name: String,
    options: PathBuf,
    folder: DumpFolder,
}

impl<'a> MysqlPrograms<'a> {
    pub(super) async fn new(
        context: &'a Context<'a>,
        run: &RunId,
        image: &'a str,
        login: &SecretName,
    ) -> Result<Self, Stop> {
        // Waited for when a reboot took it.
        drop(context.secret(login).await?);
        let options = context.folder.secret_file(login);
        let folder = DumpFolder::of(&context.world.places, run);
        Ok(Self { context, image, name: format!("omsctl-databases-{run}"), options, folder })
    }

    /// What the program printed; its words when it failed.
    pub(super) async fn run(
        &self,
        program: &str,
        arguments: &[String],
        what: &str,
    ) -> Result<String, ErrorReport> {
        let mut all = vec![format!("--defaults-extra-file={OPTIONS}")];
        all.extend_from_slice(arguments);
        let mount =
            |host: PathBuf, inside: &str, writable| HelperMount { host, inside: inside.to_owned(), writable };
        let helper = Helper {
            name: self.name.clone(),
            image: self.image.to_owned(),
            program: program.to_owned(),
            arguments: all,
            mounts: vec![
                mount(self.options.clone(), OPTIONS, false),
                mount(self.folder.path().to_owned(), DUMP, true),
            ],
        };
        let ended = self.context.world.docker.helper(&helper).await;
        let ended = ended.map_err(|error| error.report(ErrorCode::Metadb, what))?;
        if ended.succeeded() {
            return Ok(ended.stdout);
        }
        let status = ended.status.map_or("by a signal".to_owned(), |status| format!("with {status}"));
        let mut report = ErrorReport::new(ErrorCode::Metadb, what).cause(format!("{program} ended {status}"));
        let words = ended.stderr.replace("(using password: YES)", "").replace("(using password: NO)", "");
        report.causes.extend(words.lines().filter(|line| !line.trim().is_empty()).take(20).map(harmless));
        Err(report)
    }

    /// Statements in their order; what they print, without headings.
    pub(super) async fn statements(&self, statements: &str, what: &str) -> Result<String, ErrorReport> {
        let arguments =
            ["--batch", "--skip-column-names", "--default-character-set=utf8mb4", "--execute", statements];
        self.run("mysql", &arguments.map(str::to_owned), what).await
    }
}

/// A name in SQL.
pub(super) fn name(text: &str) -> String {
    format!("`{}`", text.replace('`', "``"))
}

/// A text in SQL.
pub(super) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
