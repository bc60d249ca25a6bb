/** The article's scenario over three hosts that share their networks through a real etcd. */
import { articleOver } from "./overlay-stores.fixture.ts";

articleOver("etcd");
