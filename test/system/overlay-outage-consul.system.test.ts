/** Three hosts whose store, a real Consul, is killed and starts again. */
import { outageOf } from "./overlay-outage.fixture.ts";

outageOf("consul");
