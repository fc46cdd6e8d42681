-- How each end of a change of address was confirmed: what the ledger says of it once both have been.
ALTER TABLE reader_requests ADD COLUMN old_client_address TEXT;
ALTER TABLE reader_requests ADD COLUMN old_user_agent TEXT;
ALTER TABLE reader_requests ADD COLUMN new_client_address TEXT;
ALTER TABLE reader_requests ADD COLUMN new_user_agent TEXT;
