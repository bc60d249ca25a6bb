/** The store in memory keeps the contract. */
import { openMemoryStore } from "./memory-store.ts";
import { storeContract } from "./store.contract.ts";

storeContract("the memory store", openMemoryStore);
