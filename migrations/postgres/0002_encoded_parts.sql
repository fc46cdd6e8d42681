-- The parts of a frozen issue are kept as they go into a message, encoded once; those of older rows are as they were rendered.
ALTER TABLE issue_variants ADD COLUMN encoding TEXT NOT NULL DEFAULT 'plain'
    CHECK (encoding IN ('plain', 'quoted-printable'));
