// Started from a file of its own: the pages' policy allows no inline script.
window.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null, // the default sends the document to a server of Swagger's
  persistAuthorization: false,
});
