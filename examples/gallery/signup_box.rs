//! The signup box on a publisher's article, in every state. The script and the answers are Daily's own. A script in
//! the document stands in for the network and does what the reader does.

use super::{
    newsroom::{NEWSLETTER, Newsroom, PUBLIC_URL},
    publishers::Publisher,
};
use gallery::{Case, Error};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Value, json};

/// States, and the address that leads to each. Empty: nothing is entered.
const STATES: [(&str, &str); 4] =
    [("idle", ""), ("problem", "ann@localhost"), ("typo", "ann@gmial.com"), ("done", "ann@example.org")];

/// The publisher's own style, which the box must bear.
const STYLE: &str = "body{margin:0;overflow-wrap:anywhere;font:18px/1.6 Georgia,serif;color:#222;background:#fff}main{max-width:640px;\
    margin:0 auto;padding:24px 20px 48px}h1{font-size:34px;line-height:1.15;margin:0 0 12px}\
    header{padding:14px 20px;border-bottom:1px solid #ddd;font-weight:700}\
    @media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}header{border-color:#444}}";

/// Enters the address, waits for the answer, then marks the document as ready.
const READER: &str = "const every = setInterval(() => {
  const host = [...document.querySelectorAll('div')].find(it => it.shadowRoot);
  const root = host?.shadowRoot;
  if (!root) return;
  host.dataset.box = '';
  const form = root.querySelector('form');
  if (entered && !('sent' in host.dataset)) {
    host.dataset.sent = '';
    root.querySelector('input').value = entered;
    form.requestSubmit();
    return;
  }
  if (form?.querySelector('[aria-disabled]')) return;
  clearInterval(every);
  document.documentElement.dataset.ready = 'yes';
}, 10);";

/// Returns the box of a publisher in every state but those of a busy service.
pub async fn cases(publisher: &Publisher, newsroom: &Newsroom) -> Result<Vec<Case>, Error> {
    let mut cases = Vec::new();
    for (state, entered) in STATES {
        cases.push(case(publisher, newsroom, state, entered).await?);
    }
    Ok(cases)
}

/// Returns the box after an address was entered.
pub async fn case(
    publisher: &Publisher,
    newsroom: &Newsroom,
    state: &str,
    entered: &str,
) -> Result<Case, Error> {
    let language = publisher.masthead.language;
    let script = newsroom.open_page("/embed.js").await?;
    let texts = format!("/embed.json?newsletter={NEWSLETTER}&lang={language}");
    let texts: Value = serde_json::from_str(&newsroom.open_page(&texts).await?)?;
    let answer = if entered.is_empty() {
        Value::Null
    } else {
        let signup = json!({ "email": entered, "newsletter": NEWSLETTER, "lang": language });
        let (status, body) = newsroom.submit_json("/subscribe", &signup).await?;
        json!({ "status": status, "body": serde_json::from_str::<Value>(&body)? })
    };
    let network = format!(
        "const entered = {}, texts = {texts}, answer = {answer};
         window.fetch = async url => String(url).includes('embed.json')
           ? new Response(JSON.stringify(texts)) : new Response(JSON.stringify(answer.body), answer);",
        Value::from(entered)
    );
    let page = article(publisher, &[&network, &script, READER]).into_string();
    Ok(Case::page("box", format!("{}-box-{state}", publisher.name), page))
}

/// Renders an article with the box as docs/guides/signup-box.md has it.
fn article(publisher: &Publisher, scripts: &[&str]) -> Markup {
    let masthead = &publisher.masthead;
    let stories = publisher.stories.iter().take(2);
    let deks: Vec<&str> = stories.clone().filter_map(|story| story.dek).collect();
    html! {
        (DOCTYPE)
        html lang=(masthead.language) data-ready="no" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                title { (masthead.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { (masthead.title) }
                main {
                    @if let Some(story) = stories.clone().next() { h1 dir="auto" { (story.title) } }
                    @for dek in &deks { p dir="auto" { (dek) } }
                    form data-daily method="post" action={ (PUBLIC_URL) "/subscribe" } {
                        input type="hidden" name="newsletter" value=(NEWSLETTER);
                        label for="daily-email" { "Email address" }
                        input #daily-email type="email" name="email" autocomplete="email" required;
                        button type="submit" { "Sign up" }
                    }
                    @for dek in &deks { p dir="auto" { (dek) } }
                }
                @for script in scripts {
                    // Nothing in the answers may end the script.
                    script { (PreEscaped(script.replace("</", "<\\/"))) }
                }
            }
        }
    }
}
