PRAGMA application_id = 2003658084;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE errors (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    "index" INTEGER,
    error TEXT NOT NULL,
    kind TEXT NOT NULL,
    source_sha256 TEXT NOT NULL DEFAULT '',
    station TEXT NOT NULL,
    tool TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    waited_ms INTEGER NOT NULL, moved_to TEXT,
    UNIQUE (source, source_sha256, kind)
);
INSERT INTO "errors" VALUES(2,'in/b2.png',NULL,'zero bytes','empty','d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35','s1','wm-edge 0','2026-01-02T03:04:05.678Z','2026-01-02T03:04:06.789Z',12,NULL);
CREATE TABLE maps (
    id INTEGER PRIMARY KEY,
    rows INTEGER NOT NULL,
    columns INTEGER NOT NULL,
    dies BLOB,
    embedding BLOB
);
INSERT INTO "maps" VALUES(1,2,3,X'480D6360646262640200001D0009',X'01FE');
CREATE TABLE marks (
    sink TEXT PRIMARY KEY,
    delivered INTEGER NOT NULL,
    offset INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE names (first_id INTEGER PRIMARY KEY, store TEXT NOT NULL);
INSERT INTO "names" VALUES(1,'3099d6d0');
CREATE TABLE numbering (store TEXT NOT NULL, next_id INTEGER NOT NULL);
INSERT INTO "numbering" VALUES('3099d6d0',4);
CREATE TABLE repeats (
    source TEXT NOT NULL,
    source_sha256 TEXT NOT NULL,
    times INTEGER NOT NULL,
    last_at TEXT NOT NULL,
    PRIMARY KEY (source, source_sha256)
) WITHOUT ROWID;
CREATE TABLE "results" (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    "index" INTEGER NOT NULL,
    lot TEXT,
    wafer TEXT,
    slot INTEGER,
    orientation INTEGER,
    pattern TEXT NOT NULL,
    probability REAL NOT NULL,
    probabilities TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT,
    confidence REAL NOT NULL,
    below REAL NOT NULL,
    unfamiliarity REAL NOT NULL,
    mixture REAL NOT NULL,
    dies INTEGER NOT NULL,
    fails INTEGER NOT NULL,
    model TEXT NOT NULL,
    symmetries INTEGER NOT NULL,
    latency_us INTEGER NOT NULL,
    source_sha256 TEXT NOT NULL,
    event TEXT NOT NULL DEFAULT '',
    station TEXT NOT NULL,
    tool TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    encoding TEXT NOT NULL,
    runtime TEXT NOT NULL,
    unfamiliar_above REAL NOT NULL,
    mixed_above REAL NOT NULL,
    seen_at TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    waited_ms INTEGER NOT NULL,
    file TEXT NOT NULL DEFAULT '',
    same_as TEXT,
    moved_to TEXT
);
INSERT INTO "results" VALUES(1,'in/w1.png',0,'A1',NULL,7,NULL,'Loc',0.75,'{"Loc": 0.75, "none": 0.25}','review','low-confidence',0.61,0.8,5.1,0.02,500,20,'m@0123',1,90,'6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b','','s1','wm-edge 0','1bad6b8cf97131fceab8543e81f7757195fbb1d36b376ee994ad1cf17699c464','e/1','litert 2 fast',7.0,0.84,'2026-01-02T03:04:05.678Z','2026-01-02T03:04:06.789Z',12,'w1.png',NULL,NULL);
INSERT INTO "results" VALUES(3,'in/w3.png',0,'A1',NULL,7,NULL,'Loc',0.75,'{"Loc": 0.75, "none": 0.25}','review','low-confidence',0.61,0.8,5.1,0.02,500,20,'m@0123',1,90,'4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce','','s1','wm-edge 0','1bad6b8cf97131fceab8543e81f7757195fbb1d36b376ee994ad1cf17699c464','e/1','litert 2 fast',7.0,0.84,'2026-01-02T03:04:05.678Z','2026-01-02T03:04:06.789Z',12,'lot/w3.png',NULL,NULL);
CREATE TABLE taken (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL
, ctime_ns INTEGER NOT NULL DEFAULT 0, file TEXT NOT NULL DEFAULT '', sha256 TEXT NOT NULL DEFAULT '', target TEXT, born_ns INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
INSERT INTO "taken" VALUES('/in/w1.png',7,8,9,10,'w1.png','abababababababababababababababababababababababababababababababab',NULL,5);
CREATE UNIQUE INDEX results_by_wafer ON results (source_sha256, "index", event, file);
CREATE INDEX results_by_time ON results (recorded_at);
CREATE INDEX results_by_lot ON results (lot, wafer);
CREATE INDEX taken_by_inode ON taken (inode);
COMMIT;
