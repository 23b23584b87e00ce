//! The pages in a browser with a phone's screen, used with only the keyboard.
//!
//! The test runs the `chromium` and `chromedriver` of the system's packages. Without them it is skipped with
//! a message, unless `CI` is set.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sea_orm::{EntityTrait, PaginatorTrait};
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, SameSite};
use watertight::auth::TotpSecret;
use watertight::chrono_tz::Tz;
use watertight::entity::public::bookings;

use crate::world::{CLINIC, OWNER, World, code};

/// A `chromedriver`, stopped on drop.
struct ChromeDriver {
    process: Child,
    url: String,
}

impl ChromeDriver {
    fn start() -> Result<Self> {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver cannot be run")?;
        let output = process.stdout.take().context("chromedriver has no output")?;
        let mut driver = Self { process, url: String::new() };
        for line in BufReader::new(output).lines() {
            if let Some((_, port)) = line?.split_once("started successfully on port ") {
                driver.url = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
                return Ok(driver);
            }
        }
        bail!("chromedriver did not start")
    }
}

impl Drop for ChromeDriver {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn is_installed() -> bool {
    let runs = |program: &str| {
        let version =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    let found = runs("chromium") && runs("chromedriver");
    assert!(found || std::env::var_os("CI").is_none(), "chromium and chromedriver are not installed");
    found
}

fn phone(profile: &str) -> Result<ChromeCapabilities> {
    let mut capabilities = DesiredCapabilities::chrome();
    for arg in [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        &format!("--user-data-dir={profile}"),
    ] {
        capabilities.add_arg(arg)?;
    }
    let screen = serde_json::json!({"width": 360, "height": 740, "pixelRatio": 1.0, "touch": true});
    capabilities.add_experimental_option("mobileEmulation", serde_json::json!({"deviceMetrics": screen}))?;
    Ok(capabilities)
}

/// A user with a keyboard.
#[derive(Clone)]
struct Typist(WebDriver);

impl Typist {
    async fn script(&self, script: &str) -> Result<serde_json::Value> {
        Ok(self.0.execute(script, Vec::new()).await?.json().clone())
    }

    async fn text(&self, script: &str) -> Result<String> {
        let value = self.script(script).await?;
        Ok(value.as_str().with_context(|| format!("{script} gave {value}"))?.to_owned())
    }

    async fn keys(&self, keys: impl AsRef<str>) -> Result<()> {
        Ok(self.0.action_chain().send_keys(keys.as_ref()).perform().await?)
    }

    async fn press(&self, key: Key) -> Result<()> {
        self.keys(key.value().to_string()).await
    }

    /// Presses Tab until an element `e` that meets a condition has the focus, which has to be visible.
    async fn tab_to(&self, condition: &str) -> Result<()> {
        let focused = format!("const e = document.activeElement; return {condition}");
        for _ in 0..80 {
            self.press(Key::Tab).await?;
            if self.script(&focused).await? == true {
                let seen = "const e = document.activeElement; \
                    return [e, e.parentElement].some(e => parseFloat(getComputedStyle(e).outlineWidth) >= 2 \
                        && getComputedStyle(e).outlineStyle !== 'none')";
                ensure!(self.script(seen).await? == true, "the focus at {condition} is not seen");
                return Ok(());
            }
        }
        bail!("no Tab leads to {condition}")
    }

    /// Waits until a condition holds. Errors are ignored, because there is no page during navigation.
    async fn until(&self, condition: &str) -> Result<()> {
        for _ in 0..200 {
            if self.script(&format!("return {condition}")).await.is_ok_and(|holds| holds == true) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let shown = self.text("return document.body.textContent").await?;
        bail!("{condition} does not come to hold; the page says {shown:?}")
    }

    /// Waits for a page, which has to fit the screen and have touch targets of sufficient size.
    async fn page(&self, heading: &str) -> Result<()> {
        self.until(&format!(
            "document.readyState === 'complete' && document.querySelector('h1').textContent.startsWith('{heading}')"
        ))
        .await?;
        let fits = "const e = document.documentElement; return e.scrollWidth <= e.clientWidth && e.clientWidth === 360";
        ensure!(self.script(fits).await? == true, "{heading:?} does not fit a phone");
        let small = "return [...document.querySelectorAll('button, .button, select, nav a, .times label, \
                input:not([type=hidden]):not([type=radio])')] \
            .filter(e => e.getBoundingClientRect().height < 43.9).map(e => e.outerHTML).join()";
        let small = self.text(small).await?;
        ensure!(small.is_empty(), "too small: {small}");
        let unnamed = "return [...document.querySelectorAll('input:not([type=hidden]), select')] \
            .filter(e => e.labels.length === 0).map(e => e.outerHTML).join()";
        let unnamed = self.text(unnamed).await?;
        ensure!(unnamed.is_empty(), "without a label: {unnamed}");
        Ok(())
    }

    async fn log_in(&self) -> Result<()> {
        self.tab_to("e.name === 'name'").await?;
        self.keys(OWNER.0).await?;
        self.tab_to("e.name === 'password'").await?;
        self.keys(OWNER.1).await?;
        self.press(Key::Enter).await
    }

    async fn type_code(&self, code: &str) -> Result<()> {
        self.tab_to("e.name === 'code'").await?;
        self.keys(code).await?;
        self.press(Key::Enter).await
    }

    /// Books the clinic's first service and returns the confirmation code.
    async fn book(&self) -> Result<String> {
        self.page("Book an appointment").await?;
        self.tab_to("e.matches('.skip')").await?;
        self.tab_to("e.textContent.startsWith('Choose a time')").await?;
        self.press(Key::Enter).await?;
        self.page("Choose a time").await?;
        self.tab_to("e.name === 'slot'").await?;
        self.keys(" ").await?;
        for (name, typed) in [("first_name", "Zoe"), ("last_name", "Novak"), ("email", "zoe@example.com")] {
            self.tab_to(&format!("e.name === '{name}'")).await?;
            self.keys(typed).await?;
        }
        self.tab_to("e.textContent === 'Book'").await?;
        self.press(Key::Enter).await?;
        self.page("Your appointment is booked").await?;
        self.text("return document.getElementById('code').textContent").await
    }

    /// Enrolls a second factor from the day, logs out, and logs in with it.
    async fn second_factor(&self, world: &World) -> Result<()> {
        self.tab_to("e.textContent === 'Account'").await?;
        self.press(Key::Enter).await?;
        self.page("Jess Sullivan").await?;
        self.tab_to("e.textContent.startsWith('Set up')").await?;
        self.press(Key::Enter).await?;
        self.page("Set up an authenticator app").await?;
        let picture = "return document.querySelector('.qr').naturalWidth > 0";
        ensure!(self.script(picture).await? == true, "the policy lets the picture be");
        let secret = self.text("return document.querySelector('.key').textContent").await?;
        let secret = TotpSecret::from_base32(&secret)?;
        self.type_code(&code(&world.clinic, &secret, -1).await?).await?;
        self.page("Your second factor is set up").await?;
        self.tab_to("e.textContent === 'I have kept them'").await?;
        self.press(Key::Enter).await?;
        self.page("Jess Sullivan").await?;
        self.tab_to("e.textContent === 'Log out'").await?;
        self.press(Key::Enter).await?;
        self.page("Book an appointment").await?;
        self.tab_to("e.textContent === 'Staff'").await?;
        self.press(Key::Enter).await?;
        self.page("Log in").await?;
        self.log_in().await?;
        self.page("One more step").await?;
        self.type_code("000000").await?;
        self.page("One more step").await?;
        ensure!(
            self.text("return document.querySelector('[role=alert]').textContent").await?.contains("wrong")
        );
        self.type_code(&code(&world.clinic, &secret, 0).await?).await
    }
}

/// The condition that the owner's day is shown.
const DAY: &str =
    "document.readyState === 'complete' && document.querySelector('nav.days a[rel=next]') !== null";

async fn story(typist: Typist, world: &World) -> Result<()> {
    let origin = format!("http://{CLINIC}:{}", world.served.address.port());
    typist.0.goto(&origin).await?;
    let booked = typist.book().await?;
    let booking = world.clinic.scheduling().get_booking_by_code(&booked).await?.context("a booking")?;
    let styled = "return getComputedStyle(document.querySelector('.brand')).textDecorationLine";
    ensure!(typist.text(styled).await? == "none", "the policy lets the stylesheet be");

    typist.tab_to("e.textContent === 'Staff'").await?;
    typist.press(Key::Enter).await?;
    typist.page("Log in").await?;
    typist.log_in().await?;
    typist.until(DAY).await?;
    typist.second_factor(world).await?;

    let zone = Tz::America__New_York;
    let day = booking.datetime.with_timezone(&zone).date_naive();
    let heading = day.format("%A %-d %B %Y").to_string();
    typist.until(DAY).await?;
    let cookie = typist.0.get_named_cookie("__Host-session").await?;
    ensure!(cookie.secure == Some(true) && cookie.path.as_deref() == Some("/"), "{cookie:?}");
    ensure!(cookie.same_site == Some(SameSite::Lax), "{cookie:?}");
    ensure!(typist.text("return document.cookie").await?.is_empty(), "no script sees it");

    typist.0.goto(format!("{origin}/day?date={day}")).await?;
    typist.page(&heading).await?;
    typist.tab_to("e.textContent === 'Done, Zoe Novak'").await?;
    typist.press(Key::Enter).await?;
    typist.until("document.querySelector('.appointments .status').textContent === 'done'").await?;
    typist.page(&heading).await?;
    let after = world.clinic.scheduling().get_booking(booking.id).await?.context("the booking")?;
    ensure!(after.status == "completed", "{}", after.status);

    // A page of another site sends a form. The browser reports the origin, and the form is refused.
    let evil = format!(
        "<h1>Evil</h1><form method='post' action='{origin}/logout'><button>Win a prize</button></form>"
    );
    typist.0.goto(format!("data:text/html,{evil}")).await?;
    typist.press(Key::Tab).await?;
    typist.press(Key::Enter).await?;
    typist.until("document.body.textContent.includes('came from another site')").await?;
    typist.0.goto(format!("{origin}/day?date={day}")).await?;
    typist.page(&heading).await?;
    ensure!(bookings::Entity::find().count(&world.clinic).await? == 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_is_enough_and_a_phone_is_wide_enough() -> Result<()> {
    if !is_installed() {
        println!("skipped: chromium and chromedriver are not installed");
        return Ok(());
    }
    let world = World::open().await?;
    let (driver, profile) = (ChromeDriver::start()?, tempfile::tempdir()?);
    let browser = WebDriver::new(&driver.url, phone(&profile.path().display().to_string())?).await?;
    let told = story(Typist(browser.clone()), &world).await;
    browser.quit().await?;
    told
}
