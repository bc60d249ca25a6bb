/** Three hosts whose store, a real ZooKeeper, is killed and starts again. */
import { outageOf } from "./overlay-outage.fixture.ts";

outageOf("zookeeper");
