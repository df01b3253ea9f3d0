-- Reports that were not taken, or of which it is not known; none once a person has told of them.
select count(*) as reports, (
    select project.slug || ': ' || report.error from usage_report as report
    join project on project.id = report.project_id
    where report.error is not null and report.state in ('pending', 'unclear')
    order by report.made_at, report.id limit 1
) as oldest
from usage_report where error is not null and state in ('pending', 'unclear')
