import simpleRestProvider from "ra-data-simple-rest";
import {
  Admin,
  Create,
  Datagrid,
  Edit,
  EditGuesser,
  List,
  ListGuesser,
  ReferenceField,
  ReferenceInput,
  Resource,
  SearchInput,
  SelectInput,
  SimpleForm,
  TextField,
  TextInput,
} from "react-admin";
import { createRoot } from "react-dom/client";

const PostList = () => (
  <List filters={[<SearchInput source="q" alwaysOn />]}>
    <Datagrid>
      <TextField source="id" />
      <TextField source="title" />
      <ReferenceField source="author_id" reference="authors" />
    </Datagrid>
  </List>
);

const PostForm = () => (
  <SimpleForm>
    <TextInput source="title" />
    <TextInput source="body" multiline />
    <ReferenceInput source="author_id" reference="authors">
      <SelectInput optionText="name" />
    </ReferenceInput>
  </SimpleForm>
);

const PostCreate = () => (
  <Create redirect="list">
    <PostForm />
  </Create>
);

const PostEdit = () => (
  <Edit mutationMode="pessimistic">
    <PostForm />
  </Edit>
);

createRoot(document.getElementById("root")).render(
  <Admin dataProvider={simpleRestProvider("/api")} disableTelemetry>
    <Resource name="posts" list={PostList} create={PostCreate} edit={PostEdit} />
    <Resource name="authors" list={ListGuesser} edit={EditGuesser} recordRepresentation="name" />
  </Admin>,
);
