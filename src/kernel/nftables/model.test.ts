/** The model of nf_tables keeps the contract of the real one. */
import { FakeKernel } from "../fake.ts";
import { nftablesContract } from "./nftables.contract.ts";

nftablesContract("the fake", () => Promise.resolve(new FakeKernel()));
