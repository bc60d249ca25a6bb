/** Three hosts whose store, a real etcd, is killed and starts again. */
import { outageOf } from "./overlay-outage.fixture.ts";

outageOf("etcd");
