"""`/v1/jobs:import-openjd`: Open Job Description templates as jobs."""
