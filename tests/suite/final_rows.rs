//! Rows that are final: the database refuses every change of them.

use anyhow::Result;
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, IntoActiveModel, Set};
use serde_json::json;
use watertight::auth::BackupCodes;
use watertight::certificates::{NewCertificate, NewPackage, Purchase};
use watertight::entity::auth::backup_codes;
use watertight::entity::public::{
    gift_certificate_redemptions, gift_certificates, intake_form_templates, intake_submissions,
    local_bookings, packages,
};
use watertight::intake::NewSubmission;

use crate::auth::{World, user};
use crate::scheduling::{Shop, at};

fn refused<T: std::fmt::Debug>(result: &Result<T, DbErr>, message: &str) {
    assert!(matches!(result, Err(error) if error.to_string().contains(message)), "{message}: {result:?}");
}

#[tokio::test]
async fn a_submitted_form_is_final() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let (tenant, intake) = (&shop.tenant, shop.tenant.intake());
    let booking = tenant.scheduling().book(&shop.booking("10:00")).await?;
    let other = tenant.scheduling().book(&shop.booking("12:00")).await?;
    let form = intake.create_template("massage", "Massage", &json!({"type": "object"})).await?;
    let answers = NewSubmission {
        booking: Some(booking.id),
        pain_areas: Some(json!(["neck"])),
        ..NewSubmission::new(form.id, shop.client.id, json!({"a": 1}), "I agree")
    };
    let draft = intake.save_draft(&answers).await?;
    let change = |row: &intake_submissions::Model| {
        let row = row.clone();
        let set = |change: fn(&mut intake_submissions::ActiveModel)| {
            let mut row = row.clone().into_active_model();
            change(&mut row);
            row
        };
        let mut elsewhere = row.clone().into_active_model();
        elsewhere.booking_id = Set(Some(other.id));
        [
            ("pain areas", set(|row| row.pain_areas = Set(Some(json!(["back"]))))),
            ("no pain", set(|row| row.pain_areas = Set(None))),
            ("answers", set(|row| row.responses = Set(json!({"a": 2})))),
            ("no booking", set(|row| row.booking_id = Set(None))),
            ("another booking", elsewhere),
            ("consent", set(|row| row.consent_text = Set("I disagree".into()))),
            ("creation", set(|row| row.created_at = Set(at("10:00").into()))),
        ]
    };
    for (what, changed) in change(&draft) {
        let transaction = tenant.begin().await?;
        assert!(changed.update(&transaction).await.is_ok(), "{what} of a draft");
        transaction.rollback().await?;
    }
    let submitted = intake.submit(draft.id, None).await?;
    let reviewed = intake.save_draft(&answers).await?;
    intake.submit(reviewed.id, None).await?;
    let reviewed = intake.review(reviewed.id, "maya", None).await?;
    let message = "a submitted intake form cannot be changed";
    for row in [&submitted, &reviewed] {
        for (what, changed) in change(row) {
            refused(&changed.update(tenant).await, message);
            assert_eq!(intake.get_submission(row.id).await?.as_ref(), Some(row), "{what}");
        }
        for status in ["draft", "submitted"].iter().filter(|status| **status != row.status) {
            let mut back = row.clone().into_active_model();
            (back.status, back.reviewed_at) = (Set((*status).to_owned()), Set(None));
            refused(&back.update(tenant).await, message);
        }
    }
    let mut by_another = reviewed.clone().into_active_model();
    by_another.reviewed_by = Set(Some("tomas".into()));
    refused(&by_another.update(tenant).await, message);
    let raw = "UPDATE public.intake_submissions SET pain_areas = NULL";
    refused(&tenant.execute_unprepared(raw).await, message);

    // The form itself, whether or not it has answers.
    let unused = intake.create_template("massage", "Massage", &json!({})).await?;
    for form in [form, unused] {
        for change in [
            (|row| row.schema = Set(json!({"type": "string"})))
                as fn(&mut intake_form_templates::ActiveModel),
            |row| row.title = Set("Surgery".into()),
            |row| row.version = Set(9),
            |row| row.form_type = Set("surgery".into()),
        ] {
            let mut row = form.clone().into_active_model();
            change(&mut row);
            refused(&row.update(tenant).await, "a version of a form cannot be changed");
        }
        assert!(!intake.set_template_active(form.id, false).await?.active);
    }
    assert_eq!(intake.review(submitted.id, "maya", Some(json!({"a": 1}))).await?.status, "reviewed");
    Ok(())
}

#[tokio::test]
async fn what_was_redeemed_is_final() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let (tenant, certificates) = (&shop.tenant, shop.tenant.certificates());
    let purchase = || Purchase::new("Olivia".into(), "o@example.com".parse().expect("an email"));
    let gift = certificates.issue(&NewCertificate::new(20_000, purchase())).await?;
    let package = certificates.issue_package(&NewPackage::new("five", 5, 1, purchase())).await?;
    let mut more = gift.clone().into_active_model();
    (more.amount_cents, more.balance_cents) = (Set(30_000), Set(30_000));
    let gift = more.update(tenant).await?;
    let paid = tenant.scheduling().book(&shop.booking("10:00")).await?;
    let redemption = certificates.redeem(&gift.code, paid.id, Some(1_000), None).await?;
    let other = tenant.scheduling().book(&shop.booking("12:00")).await?;
    certificates.redeem_session(&package.code, other.id).await?;

    let gift = certificates.get(&gift.code).await?.expect("the certificate");
    for change in [
        (|row| row.amount_cents = Set(40_000)) as fn(&mut gift_certificates::ActiveModel),
        |row| row.currency = Set("EUR".into()),
        |row| row.code = Set("AAAA-AAAA-AAAA".into()),
    ] {
        let mut row = gift.clone().into_active_model();
        change(&mut row);
        refused(&row.update(tenant).await, "of a redeemed gift certificate cannot be changed");
    }
    let package = certificates.get_package(&package.code).await?.expect("the package");
    for change in [(|row| row.total_sessions = Set(9)) as fn(&mut packages::ActiveModel), |row| {
        row.price_cents = Set(9);
    }] {
        let mut row = package.clone().into_active_model();
        change(&mut row);
        refused(&row.update(tenant).await, "of a redeemed package cannot be changed");
    }
    for change in [
        (|row| row.amount_cents = Set(Some(1))) as fn(&mut gift_certificate_redemptions::ActiveModel),
        |row| row.created_at = Set(at("10:00").into()),
    ] {
        let mut row = redemption.clone().into_active_model();
        change(&mut row);
        refused(&row.update(tenant).await, "a redemption cannot be changed");
    }
    tenant.scheduling().cancel(paid.id, "ill").await?;
    let refunded = gift_certificate_redemptions::Entity::find().all(tenant).await?;
    let refunded = refunded.into_iter().find(|row| row.id == redemption.id).expect("the redemption");
    let mut again = refunded.into_active_model();
    again.refunded_at = Set(None);
    refused(&again.update(tenant).await, "a redemption cannot be changed");
    assert_eq!(certificates.find_imbalances().await?, []);
    Ok(())
}

#[tokio::test]
async fn used_backup_codes_and_reconciled_bookings_are_final() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let codes = BackupCodes::generate(2)?;
    auth.backup_codes().save(jess.id, &codes).await?;
    let code = codes.expose_secrets().next().expect("a code").to_owned();
    assert_eq!(auth.backup_codes().consume(jess.id, &code).await?, Some(1));
    let row = backup_codes::Entity::find().one(&world.clinic).await?.expect("the codes");
    let mut unused = row.clone().into_active_model();
    let fresh = row.codes.to_string().replace("true", "false");
    unused.codes = Set(serde_json::from_str(&fresh)?);
    refused(&unused.update(&world.clinic).await, "a used backup code cannot be changed");
    let other = codes.expose_secrets().nth(1).expect("a code").to_owned();
    assert_eq!(auth.backup_codes().consume(jess.id, &other).await?, Some(0));
    assert_eq!(auth.backup_codes().regenerate(jess.id).await?.expose_secrets().len(), 10);

    let history = world.clinic.history();
    history.import_bookings(&[crate::history::booking("x")]).await?;
    let row = local_bookings::Entity::find().one(&world.clinic).await?.expect("the booking");
    let mut pending = row.clone().into_active_model();
    pending.reconciliation_status = Set("pending".into());
    refused(&pending.update(&world.clinic).await, "the reconciliation of a booking cannot be changed");
    assert_eq!(history.import_bookings(&[crate::history::booking("x")]).await?.updated, 1);
    Ok(())
}
