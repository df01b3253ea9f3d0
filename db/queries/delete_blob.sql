delete from blob where digest = :digest
