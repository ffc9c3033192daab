//! OMS's databases are made anew from a dump (`research/oms.md` 7.7): what is in them now goes. Done once; an attempt
//! that was cut off begins again.

use omsctl_proto::{DumpFacts, DumpedDatabase, ErrorCode, ErrorReport, RunId, SecretName, Unit};

use super::mysql_programs::{DUMP, MysqlPrograms, name, text};
use super::{Context, Done, Stop};
use crate::clock;
use crate::dumps::{self, DumpFolder};

/// Every file is proved to be what was dumped before the first database is touched.
pub(crate) async fn restore_databases(
    context: &Context<'_>,
    run: &RunId,
    login: &SecretName,
) -> Result<Done, Stop> {
    let folder = DumpFolder::of(&context.world.places, run);
    let unread = |error: std::io::Error| {
        let path = context.world.places.as_named(folder.path());
        ErrorReport::new(ErrorCode::File, format!("The dump in {path} cannot be used."))
            .cause(error.to_string())
    };
    let facts = folder.record().map_err(unread)?;
    let mut facts =
        facts.ok_or_else(|| unread(std::io::Error::other("it is not there, or was never proved")))?;
    if let Some(restored) = &facts.restored {
        return Ok(Done::unchanged().with("restored", restored.as_str()));
    }
    for dumped in &facts.databases {
        prove(&folder, dumped).await.map_err(unread)?;
    }
    let programs = MysqlPrograms::new(context, run, &facts.programs, login).await?;
    for (number, dumped) in (0_u64..).zip(&facts.databases) {
        context.progress(number, u64::try_from(facts.databases.len()).ok(), Unit::Databases)?;
        restore(&programs, dumped).await?;
    }
    facts.restored = Some(clock::now());
    folder.keep(&facts).map_err(unread)?;
    Ok(evidence(&facts))
}

async fn prove(folder: &DumpFolder, dumped: &DumpedDatabase) -> std::io::Result<()> {
    let path = folder.file(&dumped.file);
    let read = path.clone();
    let found = tokio::task::spawn_blocking(move || dumps::examine(&read)).await;
    let found = found.map_err(std::io::Error::other).flatten()?;
    if found.sha256 == dumped.sha256 {
        Ok(())
    } else {
        Err(std::io::Error::other(format!("{} was changed since the dump", path.display())))
    }
}

async fn restore(programs: &MysqlPrograms<'_>, dumped: &DumpedDatabase) -> Result<(), Stop> {
    let database = &dumped.database;
    let what = format!("The database {database} could not be restored.");
    let again = "Mend the cause and run `omsctl rollback` again: it begins with this dump anew.";
    // The file makes the database with the character set that it had. `source` has to stand at the beginning of a line.
    let statements = format!("DROP DATABASE IF EXISTS {};\nsource {DUMP}/{}\n", name(database), dumped.file);
    programs.statements(&statements, &what).await.map_err(|error| error.hint(again))?;
    let count = format!(
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA = {}",
        text(database)
    );
    let found = programs.statements(&count, &what).await.map_err(|error| error.hint(again))?;
    let wanted = dumped.tables.len();
    if found.trim() == wanted.to_string() {
        return Ok(());
    }
    let report = ErrorReport::new(ErrorCode::Metadb, what);
    Err(report.cause(format!("it has {} tables of {wanted}", found.trim())).hint(again).into())
}

fn evidence(facts: &DumpFacts) -> Done {
    let names: Vec<&str> = facts.databases.iter().map(|database| database.database.as_str()).collect();
    Done::changed().with("databases", names.join(" ")).with("taken", facts.taken.as_str())
}
