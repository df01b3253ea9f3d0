update project set weight = :weight where slug = :slug returning id
