CREATE TABLE bakery (id serial PRIMARY KEY, name text NOT NULL, profit_margin float8 NOT NULL);
CREATE TABLE baker (id serial PRIMARY KEY, name varchar(255) NOT NULL, contact_details json NOT NULL, bakery_id int
    REFERENCES bakery (id) ON UPDATE CASCADE ON DELETE SET NULL);
CREATE TABLE cake (id serial PRIMARY KEY, name text NOT NULL, price numeric(19, 4) NOT NULL, bakery_id int CONSTRAINT
    "fk-cake-bakery_id" REFERENCES bakery (id) ON UPDATE CASCADE ON DELETE CASCADE, gluten_free boolean NOT NULL,
    serial uuid NOT NULL);
CREATE TABLE cakes_bakers (cake_id int NOT NULL REFERENCES cake (id) ON UPDATE CASCADE ON DELETE CASCADE, baker_id int
    NOT NULL REFERENCES baker (id) ON UPDATE CASCADE ON DELETE CASCADE, PRIMARY KEY (cake_id, baker_id));
CREATE TABLE customer (id serial PRIMARY KEY, name text NOT NULL UNIQUE, notes text);
CREATE TABLE "order" (id serial PRIMARY KEY, total numeric(19, 4) NOT NULL, bakery_id int NOT NULL REFERENCES bakery
    (id) ON DELETE CASCADE, customer_id int NOT NULL REFERENCES customer (id) ON DELETE CASCADE, placed_at timestamp
    NOT NULL);
CREATE TABLE lineitem (id serial PRIMARY KEY, price numeric(19, 4) NOT NULL, quantity int NOT NULL, order_id int NOT
    NULL REFERENCES "order" (id) ON DELETE CASCADE, cake_id int NOT NULL REFERENCES cake (id) ON DELETE CASCADE,
    UNIQUE (order_id, cake_id));
CREATE INDEX order_placed ON "order" (placed_at DESC NULLS LAST);
COMMENT ON CONSTRAINT customer_name_key ON customer IS 'no two customers';
CREATE VIEW sales AS SELECT c.name, sum(l.price) AS total FROM lineitem l JOIN cake c ON c.id = l.cake_id GROUP BY
    c.name;
INSERT INTO bakery (name, profit_margin) VALUES ('SeaSide', 10.4);
INSERT INTO baker (name, contact_details, bakery_id) VALUES ('Jane', '{}', 1), ('John', '{}', 1);
INSERT INTO cake (name, price, bakery_id, gluten_free, serial) SELECT 'cake ' || n, n, 1, n % 2 = 0, gen_random_uuid()
    FROM generate_series(1, 50) n;
INSERT INTO cakes_bakers SELECT n, 1 + n % 2 FROM generate_series(1, 50) n;
INSERT INTO customer (name) SELECT 'customer ' || n FROM generate_series(1, 20) n;
INSERT INTO "order" (total, bakery_id, customer_id, placed_at) SELECT n, 1, 1 + n % 20, now() FROM generate_series(1,
    100) n;
INSERT INTO lineitem (price, quantity, order_id, cake_id) SELECT n, 1, n, 1 + n % 50 FROM generate_series(1, 100) n;
