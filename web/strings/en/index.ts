// Every English word of the app, by area. A translation is another folder with the same shape.
import { access } from "./access";
import { account } from "./account";
import { audit } from "./audit";
import { destinations } from "./destinations";
import { farm } from "./farm";
import { faults } from "./faults";
import { job } from "./job";
import { jobStates } from "./job-states";
import { jobs } from "./jobs";
import { keys } from "./keys";
import { members } from "./members";
import { models } from "./models";
import { people } from "./people";
import { player } from "./player";
import { projects } from "./projects";
import { shell } from "./shell";
import { signIn } from "./sign-in";
import { submit } from "./submit";
import { ui } from "./ui";
import { uploads } from "./uploads";
import { invoices, usage } from "./usage";
import { webhooks } from "./webhooks";
import { workers } from "./workers";

export const strings = {
  access,
  account,
  audit,
  destinations,
  farm,
  faults,
  invoices,
  job,
  jobStates,
  jobs,
  keys,
  members,
  models,
  people,
  player,
  projects,
  shell,
  signIn,
  submit,
  ui,
  uploads,
  usage,
  webhooks,
  workers,
};
