import { PlayerPage } from "@/features/player/player-page";

export default function Play() {
  return <PlayerPage />;
}
