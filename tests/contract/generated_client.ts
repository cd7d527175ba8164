/** What a developer writes with the client that @hey-api/openapi-ts makes of the document. */
import { client } from "./client/client.gen";
import * as api from "./client/index";

/** Calls of a native router, and of one on a wire; throws where an answer is not the right one. */
export async function drive(baseUrl: string): Promise<void> {
  client.setConfig({ baseUrl });
  const sure = { throwOnError: true } as const;
  const made = await api.createNote({ ...sure, body: { title: "first", done: false } });
  same(made.response.status, 201);
  const path = { id: made.data.id };
  await api.createNote({ ...sure, body: { title: "second" } });
  const { data: page } = await api.listNotes({
    ...sure,
    query: { limit: 1, sort: ["-title"], title__in: ["first", "second"], done: false },
  });
  same([page.total, page.items[0].title], [2, "second"]);
  same((await api.updateNote({ ...sure, path, body: { body: "text" } })).data?.body, "text");
  same((await api.replaceNote({ ...sure, path, body: { title: "first" } })).data?.body, null);
  same((await api.getNote({ ...sure, path })).data.title, "first");
  const { error } = await api.createNote({ body: { title: "x".repeat(21) } });
  same([error?.status, error?.errors?.[0].pointer], [422, "#/title"]);

  const query = { _start: 0, _end: 1, _sort: ["title" as const], title_like: "IR" };
  const listed = await api.listAdminNotes({ ...sure, query });
  same(listed.data.map((note) => note.title), ["first"]);
  same(listed.response.headers.get("X-Total-Count"), "1");
  same((await api.replaceAdminNote({ ...sure, path, body: { done: true } })).data?.title, "first");
  const { error: problem } = await api.createAdminNote({ body: { title: "first" } });
  same(Object.keys(problem?.errors ?? {}), ["title"]);
  same((await api.deleteAdminNote({ ...sure, path })).data.id, path.id);
  same((await api.deleteNote({ path })).response?.status, 404);
}

function same(actual: unknown, expected: unknown): void {
  const [left, right] = [actual, expected].map((value) => JSON.stringify(value));
  if (left !== right) throw new Error(`${left} is not ${right}`);
}
