"""How work spreads on Ray: dispatcher, replicas, fan-out, background loops, the one-machine farm."""
