//! OMS's databases become files on this host, each proved whole: the only way back from another version. What was proved
//! once is not made again.

use std::collections::BTreeSet;

use omsctl_proto::{DumpFacts, DumpSpec, DumpedDatabase, ErrorCode, ErrorReport, HEARTBEAT_SEQUENCE, Unit};

use super::mysql_programs::{DUMP, MysqlPrograms, name};
use super::{Context, Done, Stop};
use crate::clock;
use crate::dumps::{self, DumpFolder, Examined};

/// Purges, dumps, proves, and then says so.
pub(crate) async fn dump_databases(context: &Context<'_>, spec: &DumpSpec) -> Result<Done, Stop> {
    let folder = DumpFolder::of(&context.world.places, &spec.run);
    let unwritten = |error: std::io::Error| unwritten(context, &folder, &error);
    if let Some(there) = folder.record().map_err(unwritten)? {
        return Ok(evidence(Done::unchanged(), &folder, &there));
    }
    dumps::forget_unproved(&context.world.places).and_then(|()| folder.make()).map_err(unwritten)?;
    let dumped = dump_all(context, spec, &folder).await;
    if dumped.is_err() {
        // The failure is what is told; what could not be removed is tried again with the next dump.
        let _ = dumps::forget_unproved(&context.world.places);
    }
    dumped
}

async fn dump_all(context: &Context<'_>, spec: &DumpSpec, folder: &DumpFolder) -> Result<Done, Stop> {
    let programs = MysqlPrograms::new(context, &spec.run, &spec.programs, &spec.login).await?;
    let mut purged = 0;
    for database in &spec.purge {
        purged += purge(&programs, database).await?;
    }
    let mut databases = Vec::new();
    for (number, (database, tables)) in (0_u64..).zip(&spec.databases) {
        context.progress(number, u64::try_from(spec.databases.len()).ok(), Unit::Databases)?;
        databases.push(dump(context, &programs, folder, (number, database), tables).await?);
    }
    let facts = DumpFacts {
        run: spec.run.clone(),
        taken: clock::now(),
        restored: None,
        version: spec.version.clone(),
        programs: spec.programs.clone(),
        next: spec.next.clone(),
        databases,
    };
    folder.keep(&facts).map_err(|error| unwritten(context, folder, &error))?;
    Ok(evidence(Done::changed(), folder, &facts).with("rows_purged", purged.to_string()))
}

/// All rows but the newest: the vendor's one statement reads from the table that it deletes from, which MySQL refuses.
async fn purge(programs: &MysqlPrograms<'_>, database: &str) -> Result<u64, Stop> {
    let table = format!("{}.{}", name(database), name(HEARTBEAT_SEQUENCE));
    let statements = format!(
        "SET @newest = (SELECT MAX(id) FROM {table}); DELETE FROM {table} WHERE id < @newest; SELECT ROW_COUNT();"
    );
    let what = format!("The heartbeat sequence of {database} could not be purged.");
    let told = programs.statements(&statements, &what).await.map_err(|error| error.hint(BACK))?;
    Ok(told.trim().parse().unwrap_or_default())
}

async fn dump(
    context: &Context<'_>,
    programs: &MysqlPrograms<'_>,
    folder: &DumpFolder,
    (number, database): (u64, &str),
    tables: &BTreeSet<String>,
) -> Result<DumpedDatabase, Stop> {
    let harmless = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
    let file = format!("{number}-{}.sql", database.chars().map(harmless).take(64).collect::<String>());
    let arguments = [
        "--skip-triggers",
        "--single-transaction",
        "--quick",
        // Wants a privilege that OMS's account need not have, and OMS has none.
        "--no-tablespaces",
        "--default-character-set=utf8mb4",
        &format!("--result-file={DUMP}/{file}"),
        "--databases",
        database,
    ];
    let what = format!("The database {database} could not be dumped.");
    let dumped = programs.run("mysqldump", &arguments.map(str::to_owned), &what).await;
    dumped.map_err(|error| error.hint(BACK))?;
    let path = folder.file(&file);
    let read = path.clone();
    let examined =
        tokio::task::spawn_blocking(move || dumps::settle(&read).and_then(|()| dumps::examine(&read)));
    let examined = examined.await.map_err(std::io::Error::other).flatten();
    let examined = examined.map_err(|error| unwritten(context, folder, &error))?;
    let Examined { bytes, sha256, tables: found, complete } = examined;
    let missing: Vec<&str> = tables.difference(&found).map(String::as_str).collect();
    if !complete || !missing.is_empty() {
        let mut report = ErrorReport::new(ErrorCode::Metadb, format!("The dump of {database} is not whole."));
        if !complete {
            report = report.cause(format!("{} ends before mysqldump's last line", path.display()));
        }
        if !missing.is_empty() {
            report = report.cause(format!("it lacks the tables {}", missing.join(", ")));
        }
        return Err(report.hint(BACK).into());
    }
    Ok(DumpedDatabase { database: database.to_owned(), file, bytes, sha256, tables: found })
}

const BACK: &str =
    "Nothing new was started. Mend the cause and run `omsctl upgrade` again, or go back with `omsctl start`.";

fn unwritten(context: &Context<'_>, folder: &DumpFolder, error: &std::io::Error) -> Stop {
    let path = context.world.places.as_named(folder.path());
    let report = ErrorReport::new(ErrorCode::File, format!("The dump could not be kept in {path}."));
    report.cause(error.to_string()).hint(BACK).into()
}

fn evidence(done: Done, folder: &DumpFolder, facts: &DumpFacts) -> Done {
    let bytes: u64 = facts.databases.iter().map(|database| database.bytes).sum();
    let names: Vec<&str> = facts.databases.iter().map(|database| database.database.as_str()).collect();
    done.with("folder", folder.path().display().to_string())
        .with("databases", names.join(" "))
        .with("bytes", bytes.to_string())
        .with("taken", facts.taken.as_str())
}
