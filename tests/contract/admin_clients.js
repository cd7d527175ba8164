/**
 * What admin frontends do with their stock data providers, against a served app: each function
 * drives one of them and throws where an answer is not what its frontend needs.
 */
import assert from "node:assert/strict";

import refineProvider from "@refinedev/simple-rest";
import jsonServerProvider from "ra-data-json-server";
import simpleRestProvider from "ra-data-simple-rest";

/** ra-data-simple-rest. */
export const simpleRest = (url) => reactAdmin(simpleRestProvider(url), { title__icontains: "SEC" });

/** ra-data-json-server. */
export const jsonServer = (url) => reactAdmin(jsonServerProvider(url), { title_like: "SEC" });

async function reactAdmin(provider, byTitle) {
  const titles = ["first", "second", "third"];
  const { data: author } = await provider.create("authors", { data: { name: "Ann" } });
  const posts = [];
  for (const title of titles) {
    const { data } = await provider.create("posts", { data: { title, author_id: author.id } });
    assert.equal(data.title, title);
    posts.push(data);
  }
  const ids = posts.map((post) => post.id);

  const list = async (filter, page, perPage, field, order) => {
    const asked = { filter, pagination: { page, perPage }, sort: { field, order } };
    const { data, total } = await provider.getList("posts", asked);
    return [data.map((post) => post.title).join(), total];
  };
  assert.deepEqual(await list({}, 1, 2, "id", "ASC"), ["first,second", 3]);
  assert.deepEqual(await list({}, 2, 2, "id", "ASC"), ["third", 3]);
  assert.deepEqual(await list({}, 1, 1000, "title", "DESC"), ["third,second,first", 3]);
  assert.deepEqual(await list({}, 9, 10, "title", "DESC"), ["", 3]);
  assert.deepEqual(await list({ q: "ir" }, 1, 10, "id", "ASC"), ["first,third", 2]);
  assert.deepEqual(await list(byTitle, 1, 10, "id", "ASC"), ["second", 1]);
  assert.deepEqual(await list({ title: ["first", "third"] }, 1, 10, "id", "ASC"), ["first,third", 2]);
  assert.deepEqual(await list({ author: { name: "Ann" } }, 1, 10, "id", "ASC"), ["first,second,third", 3]);
  assert.deepEqual(await list({ body: null, live: false }, 1, 10, "id", "ASC"), ["first,second,third", 3]);

  assert.deepEqual((await provider.getOne("posts", { id: ids[0] })).data, posts[0]);
  const { data: embedding } = await provider.getOne("posts", { id: ids[0], meta: { embed: "author" } });
  assert.equal(embedding.author.name, "Ann");
  const { data: many } = await provider.getMany("posts", { ids: [ids[2], ids[0]] });
  assert.deepEqual(many.map((post) => post.id).sort(), [ids[0], ids[2]].sort());
  const { data: referenced, total } = await provider.getManyReference("posts", {
    target: "author_id",
    id: author.id,
    filter: {},
    pagination: { page: 1, perPage: 2 },
    sort: { field: "id", order: "DESC" },
  });
  assert.deepEqual([referenced.map((post) => post.title).join(), total], ["third,second", 3]);

  const data = { ...embedding, title: "changed" };
  const updated = await provider.update("posts", { id: ids[0], data, previousData: posts[0] });
  assert.deepEqual([updated.data.id, updated.data.title], [ids[0], "changed"]);
  const live = await provider.updateMany("posts", { ids, data: { live: true } });
  assert.deepEqual(live.data, ids);
  const { data: after } = await provider.getOne("posts", { id: ids[0] });
  assert.deepEqual([after.title, after.live, after.author_id], ["changed", true, author.id]);

  const wrong = { title: "x".repeat(21), author_id: "nobody" };
  await refused(provider.create("posts", { data: wrong }), 422, ["author_id", "title"]);
  await refused(provider.update("posts", { id: ids[1], data: { title: null } }), 422, ["title"]);
  await refused(provider.create("posts", { data: { title: "third" } }), 409, ["title"]);
  await refused(provider.getOne("posts", { id: 999 }), 404);

  const deleted = await provider.delete("posts", { id: ids[0], previousData: after });
  assert.equal(deleted.data.id, ids[0]);
  const gone = await provider.deleteMany("posts", { ids: ids.slice(1) });
  assert.deepEqual(gone.data, ids.slice(1));
  assert.deepEqual(await list({}, 1, 10, "id", "ASC"), ["", 0]);

  const { data: tag } = await provider.create("tags", { data: { slug: "a" } });
  assert.equal(tag.id, "a");
  assert.deepEqual((await provider.getMany("tags", { ids: ["a"] })).data, [tag]);
}

/** The error of a call, as React-admin shows it: a message, and a text for each field. */
async function refused(call, status, fields) {
  const error = await call.then(() => assert.fail("was not refused"), (error) => error);
  assert.equal(error.status, status);
  assert.ok(error.message && error.message !== "undefined");
  assert.deepEqual(error.body.errors && Object.keys(error.body.errors).sort(), fields);
  for (const text of Object.values(error.body.errors ?? {})) assert.equal(typeof text, "string");
}

/** @refinedev/simple-rest. */
export async function refine(url) {
  const provider = refineProvider(url);
  const resource = "posts";
  const posts = [];
  for (const title of ["first", "second", "third"]) {
    posts.push((await provider.create({ resource, variables: { title } })).data);
  }
  const ids = posts.map((post) => post.id);
  const list = async (filters, currentPage = 1, pageSize = 10, sorters = []) => {
    const asked = { resource, filters, sorters, pagination: { currentPage, pageSize } };
    const { data, total } = await provider.getList(asked);
    return [data.map((post) => post.title).join(), total];
  };
  const sorters = [{ field: "live", order: "asc" }, { field: "title", order: "desc" }];
  assert.deepEqual(await list([], 2, 2, sorters), ["first", 3]);
  for (const [operator, field, value, found] of [
    ["eq", "title", "first", "first"],
    ["ne", "title", "first", "second,third"],
    ["gte", "id", ids[1], "second,third"],
    ["lte", "id", ids[1], "first,second"],
    ["contains", "title", "IR", "first,third"],
    ["contains", "q", "sec", "second"],
    ["in", "title", ["first", "third"], "first,third"],
  ]) {
    const [titles] = await list([{ field, operator, value }]);
    assert.equal(titles, found, operator);
  }
  assert.equal((await provider.getMany({ resource, ids: ids.slice(0, 2) })).data.length, 2);
  const changed = await provider.update({ resource, id: ids[0], variables: { title: "changed" } });
  assert.equal(changed.data.title, "changed");
  assert.equal((await provider.getOne({ resource, id: ids[0] })).data.title, "changed");
  const error = await provider.create({ resource, variables: { title: "third" } }).catch((it) => it);
  assert.equal(error.statusCode, 409);
  assert.match(error.message, /title/);
  assert.deepEqual(Object.keys(error.response.data.errors), ["title"]);
  assert.equal((await provider.deleteOne({ resource, id: ids[0], variables: {} })).data.id, ids[0]);
  assert.deepEqual(await list([]), ["second,third", 2]);
}
