key          = "rayfarm/stage.tfstate"
region       = "eu-central-1"
encrypt      = true
use_lockfile = true
