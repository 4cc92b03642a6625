// Generates SDKs and programs with Pulumi's own generators, as `pulumi package add` and `pulumi convert` do.
//
//	tools sdk LANGUAGE DIRECTORY SCHEMA
//	tools program LANGUAGE DIRECTORY PROGRAM SCHEMA...
//
// LANGUAGE is dotnet, go, nodejs or python for SDKs, and go, nodejs, python or yaml for programs. PROGRAM is in PCL, the language that Pulumi converts from.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/blang/semver"
	"github.com/hashicorp/hcl/v2"
	dotnet "github.com/pulumi/pulumi-dotnet/pulumi-language-dotnet/v3/codegen"
	yaml "github.com/pulumi/pulumi-yaml/pkg/pulumiyaml/codegen"
	golang "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/hcl2/syntax"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/pcl"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// Packages by their names.
type packages map[string]*schema.Package

func main() {
	command, language, directory, source := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	var files map[string][]byte
	var err error
	if command == "sdk" {
		files, err = sdk(language, read(source))
	} else {
		known := packages{}
		for _, name := range os.Args[5:] {
			each := read(name)
			known[each.Name] = each
		}
		files, err = program(language, source, known)
	}
	check(err)
	for name, content := range files {
		path := filepath.Join(directory, name)
		check(os.MkdirAll(filepath.Dir(path), 0o755))
		check(os.WriteFile(path, content, 0o644))
	}
}

func sdk(language string, known *schema.Package) (map[string][]byte, error) {
	switch language {
	case "dotnet":
		logo := httptest.NewServer(http.NotFoundHandler()) // the generator downloads Pulumi's logo
		defer logo.Close()
		known.LogoURL = logo.URL
		return dotnet.GeneratePackage("pulumi", known, nil, nil)
	case "go":
		return golang.GeneratePackage("pulumi", known, nil)
	case "nodejs":
		return nodejs.GeneratePackage("pulumi", known, nil, nil, true, packages{})
	case "python":
		return python.GeneratePackage("pulumi", known, nil, packages{})
	}
	return nil, fmt.Errorf("no SDK for %s", language)
}

func program(language, source string, known packages) (map[string][]byte, error) {
	text, err := os.Open(source)
	check(err)
	parser := syntax.NewParser()
	check(parser.ParseFile(text, filepath.Base(source)))
	checkDiagnostics(parser.Diagnostics)
	bound, diagnostics, err := pcl.BindProgram(parser.Files, known)
	check(err)
	checkDiagnostics(diagnostics)
	generate := map[string]func(*pcl.Program) (map[string][]byte, hcl.Diagnostics, error){
		"go": golang.GenerateProgram, "nodejs": nodejs.GenerateProgram, "python": python.GenerateProgram,
		"yaml": yaml.GenerateProgram,
	}
	files, diagnostics, err := generate[language](bound)
	checkDiagnostics(diagnostics)
	return files, err
}

func read(name string) *schema.Package {
	text, err := os.ReadFile(name)
	check(err)
	var spec schema.PackageSpec
	check(json.Unmarshal(text, &spec))
	known, err := schema.ImportSpec(spec, map[string]schema.Language{
		"csharp": dotnet.Importer, "go": golang.Importer, "nodejs": nodejs.Importer, "python": python.Importer,
	}, packages{}, schema.ValidationOptions{})
	check(err)
	known.SupportPack = true // as `pulumi package add` sets it
	return known
}

func (known packages) LoadPackageV2(_ context.Context, wanted *schema.PackageDescriptor) (*schema.Package, error) {
	if found := known[wanted.Name]; found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("no schema of %s", wanted.Name)
}

func (known packages) LoadPackageReferenceV2(
	ctx context.Context, wanted *schema.PackageDescriptor,
) (schema.PackageReference, error) {
	found, err := known.LoadPackageV2(ctx, wanted)
	if err != nil {
		return nil, err
	}
	return found.Reference(), nil
}

func (known packages) LoadPackage(name string, version *semver.Version) (*schema.Package, error) {
	return known.LoadPackageV2(context.Background(), &schema.PackageDescriptor{Name: name, Version: version})
}

func (known packages) LoadPackageReference(name string, version *semver.Version) (schema.PackageReference, error) {
	return known.LoadPackageReferenceV2(context.Background(), &schema.PackageDescriptor{Name: name, Version: version})
}

func checkDiagnostics(diagnostics hcl.Diagnostics) {
	if diagnostics.HasErrors() {
		check(diagnostics)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
