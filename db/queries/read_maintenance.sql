select active, drain, message, since, set_by from maintenance
