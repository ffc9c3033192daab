//! Ansible Vault in whole loads: what it opens is used, and shown nowhere. The texts were made by ansible-core 2.19 with the
//! password `one`.

use omsctl_proto::Secret;

use super::{CONFIG, INVENTORY, sources};
use crate::{Loaded, Problems, load, load_inventory};

/// `canary ü`
const PASSWORD: &str = "\
$ANSIBLE_VAULT;1.1;AES256
65326566613039326331363938636138616230323366333361666161636534303837623632316562
6465363433343339626161346233333536326130346430620a653134343630323133316462323063
33346263313631626431326135393830376235613032383834633139613838373138393563343036
3965653237386134380a333262316663623164383033653732653334393731383132653462323731
3666
";
/// `canary-local`, with the label `prod`
const LABELLED: &str = "\
$ANSIBLE_VAULT;1.2;AES256;prod
35333864383236346464333230323735666235366534353837323535623436313036323834353231
3638363762363964353765643836653338633062616663650a323233333861616338356662383664
63303233363734373337303037326336636365633436366566333264333339373031363435613938
6537616563373138340a373764323632343264316230313338303065623333353332363532303331
6461
";
/// Variables with values that cannot be used, each with `canary` in it, and a port.
const FILE: &str = "\
$ANSIBLE_VAULT;1.1;AES256
61663135313966633730346538383965343734323062653238393037613263613366663965616361
6231343530646335653534646330616164643066643737330a333937306564353564393665366166
64383132646533366636373536333136386634623863373533393136313662653864353933343164
6234313161643762350a333835333863383031343865373539656634613566376138633933343064
64393339643064366566346262353562646131636537383437343935336534376338393731363563
63343537656362393532616537613533643630663231313636316335386365666431303533306531
65323830363564333239636164633131326162383432323437616431393962666134373662373838
62613435393864343935
";
/// `{{ canary_name | upper }}`
const JINJA: &str = "\
$ANSIBLE_VAULT;1.1;AES256
61653465643936353766333864363837323935623063333761343566383138343561393137366334
3363373031653738653761316636616134633133643536380a316562313964643333326135316264
65346239386365343064653665386130326263336230373933346363343531336630653234373263
6163373332633738310a303435626566333139356264376239396335313633613135326535393461
61393530306264303430653765613266393563373330376531646538353861626637
";

fn value(name: &str, text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}\n")).collect();
    format!("{name}: !vault |\n{}", lines.concat())
}

fn opened(variables: &str, passwords: &[&str]) -> Result<Loaded, Problems> {
    let folder = tempfile::tempdir().unwrap();
    let files = [("inventory.ini", INVENTORY), ("config.yaml", CONFIG), ("group_vars/oms.yml", variables)];
    let mut sources = sources(folder.path(), &files);
    sources.vault_passwords = passwords.iter().copied().map(Secret::new).collect();
    load(&sources)
}

#[test]
fn a_value_is_opened_where_it_is_used() {
    let variables = format!("{}ansible_password: '{{{{ hidden }}}}'\n", value("hidden", PASSWORD));
    let loaded = opened(&variables, &["other", "one"]).unwrap_or_else(|problems| panic!("{problems}"));
    let password = loaded.deployment.hosts[0].connection.password.as_ref().unwrap();
    assert_eq!(password.expose(), "canary ü");
    assert!(!format!("{loaded:?}").contains("canary"), "nobody shows it");
    let list = loaded.inventory.list_json(None).unwrap();
    assert_eq!(
        list["_meta"]["hostvars"]["n1"]["hidden"]["__ansible_vault"], PASSWORD,
        "as Ansible prints it"
    );
}

#[test]
fn a_value_that_nobody_uses_needs_no_password() {
    assert!(opened(&value("hidden", PASSWORD), &[]).is_ok());
}

#[test]
fn what_stays_closed_is_told_with_its_place() {
    let password = value("ansible_password", PASSWORD);
    let damaged = value("ansible_password", "$ANSIBLE_VAULT;1.1;AES256\n31\n");
    let cases: [(&str, &[&str]); 4] =
        [(&password, &[]), (&password, &["wrong"]), (&damaged, &["one"]), (FILE, &["wrong"])];
    let told = cases.map(|(variables, passwords)| opened(variables, passwords).unwrap_err().to_string());
    insta::assert_snapshot!(told.join("\n"), @r"
    group_vars/oms.yml:1:19: error[INV-108]: `ansible_password` is encrypted with Ansible Vault, and no vault password is given
        hint: give it with --vault-password-file FILE or --ask-vault-pass
    group_vars/oms.yml:1:19: error[INV-108]: `ansible_password` is encrypted with Ansible Vault, and no vault password that is given opens it
        hint: with several passwords, repeat --vault-password-file
    group_vars/oms.yml:1:19: error[INV-108]: `ansible_password` is damaged: it begins like Ansible Vault's and does not go on like it
        hint: encrypt it again with ansible-vault
    group_vars/oms.yml: error[INV-108]: the file is encrypted with Ansible Vault, and no vault password that is given opens it
        hint: with several passwords, repeat --vault-password-file
    ");
}

#[test]
fn what_was_encrypted_is_in_no_problem() {
    for variables in [value("ansible_connection", LABELLED), FILE.to_owned(), value("ansible_user", JINJA)] {
        let problems = opened(&variables, &["one"]).unwrap_err().to_string();
        assert!(!problems.contains("canary") && !problems.contains("99999"), "{problems}");
    }
    insta::assert_snapshot!(opened(FILE, &["one"]).unwrap_err().to_string(), @r"
    group_vars/oms.yml:1:21: error[INV-202]: `ansible_connection` has a value that cannot be used
        found: ***
        allowed: ssh, local, smart, paramiko, paramiko_ssh, ansible.builtin.ssh, ansible.builtin.local
    group_vars/oms.yml:2:15: error[INV-202]: `ansible_port` has a value that cannot be used
        found: ***
        allowed: a whole number from 1 to 65535
    group_vars/oms.yml:3:14: error[INV-202]: `oms_init_by` has a value that cannot be used
        found: ***
        allowed: auto, script, self
    ");
}

#[test]
fn a_whole_file_is_read_as_if_it_were_not_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = sources(folder.path(), &[("inventory.ini", "n1\n"), ("host_vars/n1", FILE)]);
    sources.vault_passwords = vec![Secret::new("one")];
    let (inventory, _) = load_inventory(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(inventory.list_json(None).unwrap()["_meta"]["hostvars"]["n1"]["ansible_port"], 99999);
}
