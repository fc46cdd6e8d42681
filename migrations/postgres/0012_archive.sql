-- Who may find a newsletter's past issues: everybody, who has a link, nobody.
ALTER TABLE newsletters ADD COLUMN archive TEXT NOT NULL DEFAULT 'public'
    CHECK (archive IN ('public', 'unlisted', 'none'));
