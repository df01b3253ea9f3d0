-- With a sample of 100 names, one rare name among them passes for a percent of all jobs: PostgreSQL then walks the whole
-- project by age, to find a page of names that are not there (1 of 60 samples of 100,000 jobs did that; of 500, none).
alter table job alter column name set statistics 500;
