import assert from "node:assert/strict";
import { test } from "node:test";
import { parseChanges } from "./image-changes.ts";

test("each instruction sets its part of the image's config", () => {
  const changes = [
    'CMD ["sh", "-l"]',
    "ENTRYPOINT /init --now",
    'ENV A=1 B="two words" C=three\\ words',
    "env D the rest",
    "EXPOSE 80 53/udp",
    'LABEL k=v "quoted key"=x',
    "USER nobody",
    'VOLUME ["/data"]\nVOLUME /a /b',
    "WORKDIR /srv",
    "STOPSIGNAL SIGINT",
    "ONBUILD RUN true",
  ];
  assert.deepEqual(parseChanges(changes), {
    command: ["sh", "-l"],
    entrypoint: ["/bin/sh", "-c", "/init --now"],
    environment: ["A=1", "B=two words", "C=three words", "D=the rest"],
    exposedPorts: ["80/tcp", "53/udp"],
    labels: { k: "v", "quoted key": "x" },
    user: "nobody",
    volumes: ["/data", "/a", "/b"],
    workingDirectory: "/srv",
    stopSignal: "SIGINT",
    onBuild: ["RUN true"],
  });
});

test("what is no change is refused", () => {
  assert.throws(() => parseChanges(["FOO x"]), /foo is not a valid change command/);
  assert.throws(() => parseChanges(["constructor x"]), /constructor is not a valid change command/);
  assert.throws(() => parseChanges(["CMD"]), /CMD requires at least one argument/);
  assert.throws(() => parseChanges(["ENV A"]), /ENV must have two arguments/);
  assert.throws(() => parseChanges(["EXPOSE x"]), /Invalid containerPort: x/);
});
