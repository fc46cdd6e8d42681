//! An operator reviews, edits and approves an issue on the command line.

use crate::support::{
    Engine, on_both_engines,
    service::{Installation, write_feed},
};
use serde_json::Value;

on_both_engines!(an_operator_reviews_edits_and_approves_an_issue, an_operator_chooses_the_picture_of_a_story);

async fn an_operator_reviews_edits_and_approves_an_issue(engine: Engine) {
    let here = Installation::new(engine).await;
    let (daily, folder) = (&here.daily, here.folder());
    let run = async |arguments: &[&str]| {
        let ended = daily.run(arguments).await;
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
        ended.stdout
    };
    let refused = async |arguments: &[&str]| {
        let ended = daily.run(arguments).await;
        assert_ne!(ended.code, 0, "{arguments:?}: {}", ended.stdout);
        (ended.code, ended.stderr)
    };
    run(&["newsletter", "set", "daily", "--approval", "required"]).await;
    run(&["feed", "add", &write_feed(folder)]).await;

    let to_come = run(&["issue", "show", "--next"]).await;
    assert!(to_come.contains("not begun yet") && to_come.contains("Harbour lights return"), "{to_come}");
    assert!(to_come.contains("Nothing goes out until an operator approves it"), "{to_come}");
    let (_, early) = refused(&["issue", "approve"]).await;
    assert!(early.contains("daily issue plan"), "{early}");
    let why = run(&["issue", "plan", "--explain"]).await;
    assert!(why.contains("among the newest, in a first issue") && why.contains("undated"), "{why}");
    let told: Value = serde_json::from_str(&run(&["--json", "issue", "plan", "--explain"]).await).unwrap();
    assert_eq!(told["candidates"][0]["reason"], "first_issue");
    assert_eq!(told["candidates"][0]["in"], true);
    let again = run(&["issue", "plan", "--replay", "--next"]).await;
    assert!(again.contains("comes out the same: 1 candidate,"), "{again}");

    let note = folder.join("note.md");
    std::fs::write(&note, "Good **morning**.").unwrap();
    let note = note.display().to_string();
    let edit = ["issue", "edit", "--title", "1=The lights are back", "--subject", "Lights!", "--note", &note];
    assert!(run(&edit).await.contains("The lights are back"));
    for (arguments, says) in [
        (&["issue", "edit"][..], "Enter at least one change"),
        (&["issue", "edit", "--pin", "77"], "there is no article 77"),
        (
            &["issue", "edit", "--place", "1=0"],
            "--place: Enter an article number and a position from 1 to 50",
        ),
        (&["issue", "edit", "--title", "1"], "--title: Enter an article number and a text"),
        (&["issue", "plan", "--explain", "--variant", "4"], "there is no variant 4"),
        (&["issue", "preview", "--text", "--variant", "4"], "has no variant 4"),
    ] {
        let (_, stderr) = refused(arguments).await;
        assert!(stderr.contains(says), "{arguments:?}: {stderr}");
    }
    let mail = run(&["issue", "preview", "--text"]).await;
    assert!(mail.contains("The lights are back") && mail.contains("Good morning."), "{mail}");
    let file = folder.join("issue.html").display().to_string();
    assert!(run(&["issue", "preview", "--out", &file]).await.contains("Lights!"));
    assert!(std::fs::read_to_string(&file).unwrap().contains("<strong"));

    assert!(run(&["issue", "approve"]).await.contains("The lights are back"));
    assert!(run(&["issue", "show", "--next"]).await.contains("Approved"));
    let edited = daily.run(&["issue", "edit", "--preheader", "And more"]).await;
    assert!(edited.stderr.contains("approve it again"), "{}", edited.stderr);
    assert!(run(&["issue", "show", "--next"]).await.contains("Nothing goes out until"));
}

async fn an_operator_chooses_the_picture_of_a_story(engine: Engine) {
    let here = Installation::new(engine).await;
    let run = async |arguments: &[&str]| {
        let ended = here.daily.run(arguments).await;
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
        ended.stdout
    };
    run(&["feed", "add", &write_feed(here.folder())]).await;
    let revision = async || {
        let shown: Value = serde_json::from_str(&run(&["--json", "issue", "show"]).await).unwrap();
        shown["revision"].as_str().unwrap().to_owned()
    };
    let plain = revision().await;
    // Nothing answers there, so the email shows the original.
    let picture = "1=https://pictures.invalid/lights.jpg";
    run(&["issue", "edit", "--picture", picture]).await;
    let file = here.folder().join("preview.html").display().to_string();
    let preview = async || {
        run(&["issue", "preview", "--out", &file]).await;
        std::fs::read_to_string(&file).unwrap()
    };
    assert!(preview().await.contains("https://pictures.invalid/lights.jpg"));
    let pictured = revision().await;
    assert_ne!(pictured, plain, "a picture belongs to what readers get");
    run(&["issue", "edit", "--no-picture", "1"]).await;
    assert!(!preview().await.contains("pictures.invalid"));
    run(&["issue", "edit", "--undo", "1"]).await;
    assert_eq!(revision().await, plain);
    let refused = here.daily.run(&["issue", "edit", "--picture", "1=lights.jpg"]).await;
    assert!(refused.code == 2 && refused.stderr.contains("--picture"), "{refused:?}");
}
