-- One replica of each kind that takes work: what a job may ask for is the same in all of a kind.
select distinct on (alike) labels, engines, device_class from accepting_replica order by alike
