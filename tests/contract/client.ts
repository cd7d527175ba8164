/**
 * What a developer writes against the types that openapi-typescript makes of the document:
 * right calls, which a server answers, and wrong ones, which the compiler refuses.
 *
 * Each wrong call stands on one line, below its `@ts-expect-error`.
 */
import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./schema.js";

type Api = Client<paths>;
type Schemas = components["schemas"];
type Query = NonNullable<paths["/books"]["get"]["parameters"]["query"]>;
type Search = Schemas["BookSearch"];
type NewAuthor = Schemas["AuthorCreate"];
type Change = Schemas["BookUpdate"];

/** Right calls, one after another; throws where an answer is not what its type says. */
export async function right(baseUrl: string): Promise<void> {
  const api = createClient<paths>({ baseUrl });
  const book = await write(api);
  await list(api);
  await walk(api);
  await search(api);
  await change(api, book);
}

async function write(api: Api): Promise<Schemas["BookRead"]> {
  const author = data(await api.POST("/authors", { body: { name: "Ann" } }));
  const common = { author_id: author.id, published_at: "2024-02-29T12:00:00Z" };
  const first = { ...common, title: "One", pages: 100, price: "9.90" };
  const second = { ...common, title: "Two", pages: 200, price: 12.5, subtitle: null };
  await api.POST("/books", { body: { ...second, status: "published", in_print: false } });
  return data(await api.POST("/books", { body: first }));
}

async function list(api: Api): Promise<void> {
  const everything = data(await api.GET("/books"));
  same(everything.total, 2);
  const query = {
    limit: 10,
    sort: ["-price", "title"],
    fields: ["title", "status"],
    include: ["author"],
    count: "estimated",
    search: "one ann",
    author__name__icontains: "ANN",
    in_print: true,
    pages__gte: 100,
    price__lt: "10.00",
    published_at__gt: "2024-01-01T00:00:00+02:00",
    status: "draft",
    status__in: ["draft", "published"],
    subtitle__isnull: true,
    title__in: ["One", "One, two"],
  } satisfies Query;
  const some = data(await api.GET("/books", { params: { query } }));
  const title: string | undefined = some.items[0]?.title;
  const name: string | undefined = some.items[0]?.author?.name;
  const status: "draft" | "published" | undefined = some.items[0]?.status;
  same([some.total, title, name, status], [1, "One", "Ann", "draft"]);
  const authors = data(await api.GET("/authors", { params: { query: { include: ["books"] } } }));
  same(authors.items[0]?.books?.map((book) => book.pages), [200, 100]);
}

async function walk(api: Api): Promise<void> {
  const titles: (string | undefined)[] = [];
  const query: Query = { cursor: "", limit: 1, sort: ["title"] };
  for (let next: string | null = ""; next !== null; ) {
    query.cursor = next;
    const page: Schemas["BookPage"] = data(await api.GET("/books", { params: { query } }));
    titles.push(...page.items.map((book) => book.title));
    next = page.next_cursor;
  }
  same(titles, ["One", "Two"]);
}

async function search(api: Api): Promise<void> {
  const filter: Schemas["BookFilter"] = {
    status: "published",
    or: [{ title__startswith: "T" }, { and: [{ pages: 1 }, { price__gt: 1 }] }],
    not: { subtitle__isnull: false },
  };
  same(data(await api.POST("/books:search", { body: filter })).total, 1);
  const body: Search = { ...filter, limit: 1, sort: ["-title"], include: ["author"], count: "none" };
  const found = data(await api.POST("/books:search", { body }));
  same([found.total, found.items[0]?.title, found.items[0]?.author?.country], [null, "Two", null]);
}

async function change(api: Api, book: Schemas["BookRead"]): Promise<void> {
  const params = { path: { id: book.id } };
  const { price } = data(await api.PATCH("/books/{id}", { params, body: { price: "5.00", subtitle: null } }));
  same(Number(price), 5);
  const { pages } = data(await api.PUT("/books/{id}", { params, body: { ...book, pages: 7 } }));
  same(pages, 7);
  const shown = data(await api.GET("/books/{id}", { params: { ...params, query: { fields: ["title"] } } }));
  same(shown, { id: book.id, title: "One" });
  same((await api.DELETE("/books/{id}", { params })).response.status, 204);
  const { error } = await api.GET("/books/{id}", { params });
  same([error?.status, error?.code], [404, "not_found"]);
}

/** Wrong calls; `satisfies` where openapi-fetch lets an unknown key pass beside a known one. */
export async function wrong(api: Api, params: { path: { id: number } }): Promise<void> {
  // @ts-expect-error: an unknown parameter
  await api.GET("/books", { params: { query: { limit: 1, colour: "red" } satisfies Query } });
  // @ts-expect-error: a mistyped operator
  await api.GET("/books", { params: { query: { limit: 1, pages__gtr: 1 } satisfies Query } });
  // @ts-expect-error: an operator that text does not have
  await api.GET("/books", { params: { query: { limit: 1, title__gt: "a" } satisfies Query } });
  // @ts-expect-error: an operator that enums do not have
  await api.GET("/books", { params: { query: { limit: 1, status__contains: "d" } satisfies Query } });
  // @ts-expect-error: isnull of what is never null
  await api.GET("/books", { params: { query: { limit: 1, title__isnull: true } satisfies Query } });
  // @ts-expect-error: a related column that may not be filtered by
  await api.GET("/books", { params: { query: { limit: 1, author__country: "at" } satisfies Query } });
  // @ts-expect-error: only unknown parameters need no help
  await api.GET("/authors", { params: { query: { search: "ann" } } });
  // @ts-expect-error: text for a number
  await api.GET("/books", { params: { query: { pages__gte: "many" } } });
  // @ts-expect-error: text for a boolean
  await api.GET("/books", { params: { query: { in_print: "yes" } } });
  // @ts-expect-error: a boolean for a decimal
  await api.GET("/books", { params: { query: { price__lt: true } } });
  // @ts-expect-error: a number for a moment
  await api.GET("/books", { params: { query: { published_at__gt: 2024 } } });
  // @ts-expect-error: null for what isnull asks
  await api.GET("/books", { params: { query: { subtitle: null } } });
  // @ts-expect-error: one value for a list
  await api.GET("/books", { params: { query: { pages__in: 1 } } });
  // @ts-expect-error: a wrong value in a list
  await api.GET("/books", { params: { query: { pages__in: [1, "two"] } } });
  // @ts-expect-error: no member of the enum
  await api.GET("/books", { params: { query: { status: "burnt" } } });
  // @ts-expect-error: no member of the enum, in a list
  await api.GET("/books", { params: { query: { status__in: ["draft", "burnt"] } } });
  // @ts-expect-error: to sort by what does not exist
  await api.GET("/books", { params: { query: { sort: ["-colour"] } } });
  // @ts-expect-error: to include what does not exist
  await api.GET("/books", { params: { query: { include: ["publisher"] } } });
  // @ts-expect-error: to show what does not exist
  await api.GET("/books", { params: { query: { fields: ["colour"] } } });
  // @ts-expect-error: an unknown way to count
  await api.GET("/books", { params: { query: { count: "roughly" } } });

  // @ts-expect-error: an unknown key of a search
  await api.POST("/books:search", { body: { limit: 1, colour: "red" } satisfies Search });
  // @ts-expect-error: an unknown key of a branch
  await api.POST("/books:search", { body: { or: [{ pages: 1, colour: "red" }] } satisfies Search });
  // @ts-expect-error: an operator that numbers do not have
  await api.POST("/books:search", { body: { not: { pages: 1, pages__contains: "1" } } satisfies Search });
  // @ts-expect-error: a page of a branch
  await api.POST("/books:search", { body: { and: [{ pages: 1, limit: 1 }] } satisfies Search });
  // @ts-expect-error: text for a number, deep down
  await api.POST("/books:search", { body: { or: [{ and: [{ not: { pages: "1" } }] }] } });
  // @ts-expect-error: a list for `not`
  await api.POST("/books:search", { body: { not: [{ pages: 1 }] } satisfies Search });
  // @ts-expect-error: to sort by what does not exist
  await api.POST("/books:search", { body: { sort: ["-colour"] } });

  // @ts-expect-error: an unknown field
  await api.POST("/authors", { body: { name: "Ann", colour: "red" } satisfies NewAuthor });
  // @ts-expect-error: a field that only the server sets
  await api.POST("/authors", { body: { name: "Ann", id: 1 } satisfies NewAuthor });
  // @ts-expect-error: a required field is missing
  await api.POST("/authors", { body: { country: "at" } });
  // @ts-expect-error: null for what is never null
  await api.POST("/authors", { body: { name: null } });
  // @ts-expect-error: no body
  await api.POST("/authors", {});
  // @ts-expect-error: an unknown field of a change
  await api.PATCH("/books/{id}", { params, body: { pages: 1, colour: "red" } satisfies Change });
  // @ts-expect-error: undefined is no value
  await api.PATCH("/books/{id}", { params, body: { title: undefined } });
  // @ts-expect-error: no member of the enum
  await api.PATCH("/books/{id}", { params, body: { status: "burnt" } });
  // @ts-expect-error: a replacement needs what a creation needs
  await api.PUT("/books/{id}", { params, body: { title: "One" } });
  // @ts-expect-error: no key
  await api.GET("/books/{id}", {});
  // @ts-expect-error: text for the key
  await api.DELETE("/books/{id}", { params: { path: { id: "one" } } });
  // @ts-expect-error: no such path
  await api.GET("/book/{id}", { params });
  // @ts-expect-error: no such method
  await api.PUT("/books", { body: {} });

  const page = data(await api.GET("/books"));
  // @ts-expect-error: an unknown field of an answer
  page.items[0]?.colour;
  // @ts-expect-error: at the end there is no next page
  page.next_cursor.length;
  // @ts-expect-error: nobody may have counted
  page.total + 1;
}

/** Give what was answered; nothing is, where `Prefer: return=minimal` asked for no more. */
function data<T>(answer: { data?: T | undefined; error?: unknown }): NonNullable<T> {
  if (answer.data == null) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

function same(found: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(found), JSON.stringify(expected)];
  if (is !== should) throw new Error(`${is} is not ${should}`);
}
