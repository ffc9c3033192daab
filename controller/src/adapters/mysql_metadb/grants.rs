//! The lines of `SHOW GRANTS`, which may end with the hash of a password: only what is understood leaves this file.

use std::collections::BTreeSet;

use crate::ports::Grant;

/// `None` when a line is not understood. Grants on single tables are left out.
pub(super) fn parse(lines: &[String]) -> Option<Vec<Grant>> {
    let parsed: Option<Vec<Line>> = lines.iter().map(|line| of_line(line)).collect();
    let grant = |line| if let Line::Grant(grant) = line { Some(grant) } else { None };
    Some(parsed?.into_iter().filter_map(grant).collect())
}

enum Line {
    Grant(Grant),
    /// On what is no database.
    Other,
}

fn of_line(line: &str) -> Option<Line> {
    let rest = line.trim().strip_prefix("GRANT ")?;
    let Some((privileges, object)) = rest.split_once(" ON ") else { return Some(Line::Grant(Grant::Role)) };
    let object = object.strip_prefix("TABLE ").unwrap_or(object);
    if privileges.starts_with("PROXY") || object.starts_with("FUNCTION ") || object.starts_with("PROCEDURE ")
    {
        return Some(Line::Other);
    }
    let (database, rest) = name(object)?;
    let (table, _) = name(rest.strip_prefix('.')?)?;
    if table != "*" {
        return Some(Line::Other);
    }
    // A column list has commas of its own, but no database has columns.
    let privileges: BTreeSet<String> =
        privileges.split(',').map(|privilege| privilege.trim().to_ascii_uppercase()).collect();
    Some(Line::Grant(Grant::Privileges { privileges, on: (database != "*").then_some(database) }))
}

/// A name, quoted or not, and what follows it.
fn name(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('`') else {
        let end = text.find(['.', ' ']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let end = rest.find('`')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('`') {
            Some(after) => {
                name.push('`');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn privileges(names: &[&str], on: Option<&str>) -> Grant {
        Grant::Privileges {
            privileges: names.iter().map(ToString::to_string).collect(),
            on: on.map(str::to_owned),
        }
    }

    #[test]
    fn lines_of_all_servers_are_understood() {
        let lines = [
            "GRANT ALL PRIVILEGES ON *.* TO `root`@`%` IDENTIFIED BY PASSWORD '*2470C0' WITH GRANT OPTION",
            "GRANT USAGE ON *.* TO 'oms'@'%'",
            "GRANT SELECT, INSERT, create view ON `oms\\_%`.* TO 'oms'@'%'",
            "GRANT ALL PRIVILEGES ON oms_rm.* TO 'oms'",
            "GRANT SELECT ON `a``b`.`t` TO 'oms'@'%'",
            "GRANT `dba`@`%` TO `oms`@`%`",
            "GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION",
        ]
        .map(str::to_owned);
        let expected = [
            privileges(&["ALL PRIVILEGES"], None),
            privileges(&["USAGE"], None),
            privileges(&["CREATE VIEW", "INSERT", "SELECT"], Some("oms\\_%")),
            privileges(&["ALL PRIVILEGES"], Some("oms_rm")),
            Grant::Role,
        ];
        assert_eq!(parse(&lines).unwrap(), expected);
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        assert_eq!(parse(&["SOMETHING ELSE".to_owned()]), None);
        assert_eq!(parse(&["GRANT SELECT ON `broken TO x".to_owned()]), None);
    }
}
