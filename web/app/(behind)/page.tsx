import { Start } from "@/features/start/start";

export default function StartPage() {
  return <Start />;
}
