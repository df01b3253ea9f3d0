import { DestinationsPage } from "@/features/destinations/destinations-page";

export default function Destinations() {
  return <DestinationsPage />;
}
