//! Benchmarks of the rewriter alone: `cargo bench -p watertight-bench`. A known text is looked up and copied. A new text
//! is parsed, walked and cached.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use watertight::{Rewriter, Watertight};

fn main() {
    divan::main();
}

/// Statements of different sizes, each with its number of values.
#[derive(Debug, Clone, Copy)]
enum Text {
    OneTable,
    Join,
    Windows,
    Insert(usize),
    List(usize),
}

const TEXTS: [Text; 8] = [
    Text::OneTable,
    Text::Join,
    Text::Windows,
    Text::Insert(1),
    Text::Insert(10),
    Text::Insert(100),
    Text::List(10),
    Text::List(100),
];

impl Text {
    fn sql(self) -> (String, usize) {
        let placeholders = |from: usize, number: usize| {
            (from..from + number).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::OneTable => ("SELECT * FROM auth.users WHERE id = $1".to_owned(), 1),
            Self::Join => (
                "SELECT b.id, b.datetime, s.name, c.email FROM bookings AS b JOIN services AS s ON s.tenant_id = b.tenant_id \
                 AND s.id = b.service_id LEFT JOIN clients AS c ON c.tenant_id = b.tenant_id AND c.id = b.client_id \
                 WHERE b.status = $1 AND b.datetime BETWEEN $2 AND $3 AND s.active ORDER BY b.datetime LIMIT $4"
                    .to_owned(),
                4,
            ),
            Self::Windows => (
                "WITH spent AS (SELECT client_id, sum(amount_cents) AS cents FROM bookings WHERE status <> $1 \
                 GROUP BY client_id), ranked AS (SELECT client_id, cents, rank() OVER (ORDER BY cents DESC) AS place \
                 FROM spent) SELECT c.email, r.cents, r.place FROM ranked AS r JOIN clients AS c ON c.id = r.client_id \
                 WHERE r.place <= $2 AND EXISTS (SELECT FROM reviews AS v WHERE v.rating > $3) ORDER BY r.place"
                    .to_owned(),
                3,
            ),
            Self::Insert(rows) => {
                let values: Vec<_> = (0..rows).map(|row| format!("({})", placeholders(row * 3 + 1, 3))).collect();
                let sql = format!(
                    "INSERT INTO services (name, duration_minutes, price_cents) VALUES {} RETURNING id",
                    values.join(", ")
                );
                (sql, rows * 3)
            }
            Self::List(values) => {
                (format!("SELECT * FROM services WHERE id IN ({})", placeholders(1, values)), values)
            }
        }
    }
}

#[expect(clippy::expect_used, reason = "a benchmark ends where it cannot begin")]
fn rewriter() -> Rewriter {
    Watertight::builder().rewriter().expect("watertight's own tables")
}

/// A known text. Texts with more than 128 values are not cached, so a long insert is parsed here, too.
#[divan::bench(args = TEXTS)]
fn warm(bencher: Bencher, text: Text) {
    let (rewriter, (sql, values)) = (rewriter(), text.sql());
    bencher
        .counter(BytesCount::of_str(&sql))
        .bench_local(|| black_box(&rewriter).rewrite(black_box(&sql), values));
}

/// A text that is new each time.
#[divan::bench(args = TEXTS)]
fn cold(bencher: Bencher, text: Text) {
    let (rewriter, (sql, values)) = (rewriter(), text.sql());
    let mut n = 0_u64;
    bencher
        .counter(BytesCount::of_str(&sql))
        .with_inputs(|| {
            n += 1;
            format!("{sql} /* {n} */")
        })
        .bench_local_values(|sql| black_box(&rewriter).rewrite(&sql, values));
}
